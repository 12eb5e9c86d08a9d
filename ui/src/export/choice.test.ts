import { describe, expect, it } from 'vitest';
import { filterOf, firstForm, selection } from './choice';

describe('the export dialog', () => {
  it('starts with what is on the screen', () => {
    expect(filterOf(' salle/+/t ')).toBe('salle/+/t');
    expect(filterOf('serre')).toBe('#');
    expect(filterOf('')).toBe('#');
    expect(firstForm(['temperature'])).toBe('wide');
    expect(firstForm([''])).toBe('long');
    expect(firstForm([])).toBe('long');
  });

  it('asks for the period that was chosen', () => {
    const now = 1_000_000_000_000;
    expect(selection('#', '', 'all', '', '', now)).toEqual({ filters: [], devices: [], from_ms: null, until_ms: null });
    expect(selection('a/b', 'd1', 'hour', '', '', now + 0.4)).toEqual({ filters: ['a/b'], devices: ['d1'], from_ms: now - 3_600_000, until_ms: null });
    const span = selection('a', '', 'span', '2026-11-25T08:00', '', now);
    expect(span.from_ms).toBe(new Date('2026-11-25T08:00').getTime());
    expect(span.until_ms).toBeNull();
  });
});
