import { expect, test } from 'vitest';
import type { Series } from '../api/generated/wire';
import { curve, extremesOf, gapSeconds } from './series';

/** A column each second from `from` to `until`, with the value of its second. */
function recorded(seconds: number[], gaps: [number, number][] = []): Series {
  const at = seconds.map((second) => second * 1000);
  return { at_ms: at, min: seconds.map((s) => s - 0.5), max: seconds.map((s) => s + 0.5), last: seconds, gaps, samples: seconds.length };
}

test('points that arrived since come behind the recorded ones, none twice', () => {
  const drawn = curve(recorded([1, 2, 3]), [{ atMs: 2000, value: 9 }, { atMs: 3000, value: 9 }, { atMs: 4000, value: 4 }]);
  expect(drawn.at).toEqual([1, 2, 3, 4]);
  expect(drawn.last).toEqual([1, 2, 3, 4]);
  expect(drawn.low).toEqual([0.5, 1.5, 2.5, 4]);
  expect(drawn.high).toEqual([1.5, 2.5, 3.5, 4]);
});
test('a silence three times the rhythm breaks the line', () => {
  const drawn = curve(recorded([1, 2, 3, 20, 21]), []);
  expect(drawn.last).toEqual([1, 2, 3, null, 20, 21]);
  expect(drawn.low[3]).toBeNull();
  expect(drawn.high[3]).toBeNull();
});
test('a silence between the record and what arrives now breaks it too', () => {
  expect(curve(recorded([1, 2, 3]), [{ atMs: 60_000, value: 60 }]).last).toEqual([1, 2, 3, null, 60]);
});
test('a recording gap breaks the line, wherever its ends lie', () => {
  expect(curve(recorded([1, 2, 3], [[2100, 2900]]), []).last).toEqual([1, 2, null, 3]);
  expect(curve(recorded([1, 2, 3], [[1900, 2900]]), []).last.includes(null)).toBe(true);
  expect(curve(recorded([1, 2, 3], [[2100, 3100]]), []).last.includes(null)).toBe(true);
});
test('times only grow and every column has its four numbers', () => {
  const drawn = curve(recorded([1, 2, 3, 40, 41], [[2100, 2900]]), [{ atMs: 90_000, value: 1 }]);
  expect(drawn.at).toEqual([...drawn.at].sort((a, b) => a - b));
  expect([drawn.low.length, drawn.high.length, drawn.last.length]).toEqual([drawn.at.length, drawn.at.length, drawn.at.length]);
});
test('nothing recorded and nothing arrived is an empty chart', () => {
  expect(curve(recorded([]), []).at).toEqual([]);
  expect(gapSeconds([])).toBe(5);
});
test('the lowest and the highest value come from the columns, with their times', () => {
  expect(extremesOf(curve(recorded([5, 3, 1, 40, 41].sort((a, b) => a - b)), []))).toEqual({ min: 0.5, minAt: 1, max: 41.5, maxAt: 41 });
  expect(extremesOf(curve(recorded([]), []))).toBeUndefined();
});
