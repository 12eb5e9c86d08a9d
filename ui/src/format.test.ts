import { describe, expect, it } from 'vitest';
import { ago, bytes, clock, date, duration, hour, number, preview, reading, visible } from './format';

const NARROW = '\u202f';
const FIXED = '\u00a0';

describe('numbers', () => {
  it('follow the reader, with a true minus', () => {
    expect(number(-1234.5, 1, 'fr')).toBe(`−1${NARROW}234,5`);
    expect(number(-1234.5, 1, 'en')).toBe('−1,234.5');
  });

  it('are rounded to what one reads at a glance', () => {
    expect(reading(23.456, 'fr')).toBe('23,46');
    expect(reading(123.456, 'fr')).toBe('123,5');
    expect(reading(1234.56, 'en')).toBe('1,235');
    expect(reading(0, 'fr')).toBe('0');
  });

  it('keep their size when they are huge or tiny', () => {
    expect(reading(6.02e23, 'fr')).toBe('6,02e+23');
    expect(reading(-1.6e-19, 'en')).toBe('−1.60e−19');
  });

  it('in a preview lose their field name, and text stays text', () => {
    expect(preview('23.4', 'fr')).toBe('23,4');
    expect(preview('temperature 23.4', 'fr')).toBe('23,4');
    expect(preview('ouvert', 'fr')).toBe('ouvert');
    expect(preview('127.0.0.1', 'fr')).toBe('127.0.0.1');
  });

  it('of bytes use the units of each language', () => {
    expect(bytes(0, 'fr')).toBe(`0${FIXED}o`);
    expect(bytes(1500, 'fr')).toBe(`1,5${FIXED}ko`);
    expect(bytes(41_200_000_000, 'en')).toBe(`41${FIXED}GB`);
  });
});

describe('times', () => {
  it('are told as one says them', () => {
    expect(ago(1000, 2000, 'fr')).toBe('à l’instant');
    expect(ago(0, 8000, 'fr')).toBe(`il y a 8${FIXED}s`);
    expect(ago(0, 180_000, 'en')).toBe(`3${FIXED}min ago`);
    // A clock that is ahead of ours must not make a value come from the future.
    expect(ago(9000, 0, 'en')).toBe('just now');
  });

  it('grow from seconds to days', () => {
    expect(duration(59, 'fr')).toBe(`59${FIXED}s`);
    expect(duration(3599, 'fr')).toBe(`60${FIXED}min`);
    expect(duration(7200, 'fr')).toBe(`2${FIXED}h`);
    expect(duration(172_800, 'fr')).toBe(`2${FIXED}j`);
    expect(duration(172_800, 'en')).toBe(`2${FIXED}d`);
  });

  it('are hours in prose and to the tenth in tables', () => {
    const at = new Date(2026, 10, 24, 9, 5, 7, 432).getTime();
    expect(hour(at, 'fr')).toBe(`9${FIXED}h${FIXED}05`);
    expect(hour(at, 'en')).toBe('9:05');
    expect(clock(at, 'fr')).toBe('09:05:07,4');
    expect(clock(at, 'en')).toBe('09:05:07.4');
  });

  it('that are no dates are shown as they came', () => {
    expect(date('yesterday, perhaps', 'en')).toBe('yesterday, perhaps');
    expect(date('2026-11-20T10:00:00Z', 'fr')).toBe('20 novembre 2026');
  });
});

describe('received text', () => {
  it('shows what would be invisible or turn the line round', () => {
    expect(visible('a\u202eb\u0000c\u200d')).toBe('a\\u202eb\\u0000c\\u200d');
    expect(visible('\u2028\u00ad\u061c')).toBe('\\u2028\\u00ad\\u061c');
    expect(visible('tab\tand line\n stay')).toBe('tab\tand line\n stay');
  });
});
