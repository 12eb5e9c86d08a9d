import { describe, expect, test } from 'vitest';
import hex from '../../../assets/fixtures/frame.hex?raw';
import { BadFrame, applied, decode } from './frame';

/** The bytes that the Rust encoder wrote: `crates/live/tests/frames.rs` holds it to the same file. */
const golden = new Uint8Array(
  (hex.match(/[0-9a-f]{2}/g) ?? []).map((pair: string) => parseInt(pair, 16)),
);
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;
/** The golden bytes with `bytes` written over them at `at`. */
const changed = (at: number, ...bytes: number[]) => {
  const copy = new Uint8Array(golden);
  copy.set(bytes, at);
  return copy.buffer;
};
const NAME = 94; // of the first row, after its length

describe('frame', () => {
  test('the bytes of the encoder are read whole', () => {
    const frame = decode(buffer(golden));
    expect(frame).toMatchObject({ whole: true, overBounds: false, version: 27, totalRows: 4, offset: 0, windowLen: 4, nowMs: 1_790_000_000_000, rate: 1, messages: 26, topics: 2 });
    expect(frame.rows.map((row) => [row.index, row.depth, row.name, row.hasChildren, row.open, row.hasValue])).toEqual([
      [0, 0, 'salle114', true, true, false],
      [1, 1, 'groupe-b', true, true, false],
      [2, 2, 'serre-04', true, false, false],
      [3, 1, 'é🌱', false, false, true],
    ]);
    expect(frame.rows[3]).toMatchObject({ topic: 'salle114/é🌱', preview: '<b>text</b>', kind: 2, count: 1, payloadLen: 11, atMs: 1_790_000_000_000, rate: 0, spark: [] });
    expect(frame.detail).toMatchObject({ topic: 'salle114/groupe-b/serre-04/measures', qos: 1, retained: false, publisher: 'serre-04', count: 25, rate: 1, payloadLen: 20 });
    expect(new TextDecoder().decode(frame.detail?.payload)).toBe('{"temperature":44.5}');
    expect(new TextDecoder().decode(frame.detail?.previous)).toBe('{"temperature":43.5}');
  });

  test('a frame cut anywhere is refused', () => {
    for (let length = 0; length < golden.length; length += 1) expect(() => decode(buffer(golden.subarray(0, length))), `${length}`).toThrow(BadFrame);
  });

  test('a frame with something behind it is refused', () => {
    expect(() => decode(buffer(new Uint8Array([...golden, 0])))).toThrow(BadFrame);
  });

  test('another format, a text that is not UTF-8 and more rows than bytes are refused', () => {
    expect(() => decode(changed(0, 2))).toThrow(BadFrame);
    expect(() => decode(changed(NAME, 0xff))).toThrow(BadFrame);
    expect(() => decode(changed(56, 0xff, 0xff, 0xff, 0xff))).toThrow(BadFrame);
  });

  test('any one byte changed is read or refused, never another error', () => {
    for (let at = 0; at < golden.length; at += 1) {
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        try {
          decode(changed(at, byte));
        } catch (error) {
          expect(error, `${byte} at ${at}`).toBeInstanceOf(BadFrame);
        }
      }
    }
  });

  test('a byte order mark in a name is kept: two topics must not look like one', () => {
    expect(decode(changed(NAME, 0xef, 0xbb, 0xbf)).rows[0]?.name).toBe('\ufeff' + 'le114');
  });
});

describe('differences', () => {
  const frame = decode(buffer(golden));
  test('go to the rows of their index, the others stay', () => {
    const [first, , third] = frame.rows;
    if (!first || !third) throw new Error('golden rows');
    const next = applied(frame.rows, { ...frame, whole: false, rows: [{ ...third, preview: 'new' }] });
    expect(next.map((row) => row.preview)).toEqual(['', '', 'new', '<b>text</b>']);
    expect(next[0]).toBe(first);
    expect(frame.rows[2]?.preview).toBe('');
  });
  test('a whole window leaves nothing of the one before', () => {
    expect(applied(frame.rows, { ...frame, whole: true, rows: frame.rows.slice(0, 1) })).toHaveLength(1);
  });
  test('the rhythm of a silent topic stays what it was when it spoke', () => {
    const row = frame.rows[3];
    if (!row) throw new Error('golden rows');
    const said = (rate: number, atMs: number) => ({ ...frame, whole: true, rows: [{ ...row, rate, beat: rate, atMs }] });
    let rows = applied([], said(2, 1000));
    for (const rate of [1.5, 0.7, 0]) rows = applied(rows, said(rate, 1000));
    expect(rows[0]).toMatchObject({ rate: 0, beat: 2 });
    expect(applied(rows, said(0.1, 9000))[0]?.beat).toBe(0.1);
  });
});
