import { expect, test } from 'vitest';
import { applied, type Frame, type Row } from './frame';
import { freshness } from './freshness';

const NOW = 1_790_000_000_000;
const after = (ageMs: number, rate: number) => freshness(NOW - ageMs, rate, NOW);

test('a slow value is fresh, dries at 400 ms and is calm at 1.2 s', () => {
  expect([0, 399, 400, 1199, 1200].map((age) => after(age, 1))).toEqual(['fresh', 'fresh', 'dry', 'dry', 'calm']);
});
test('faster than two a second it stays dry: nothing flashes more than twice a second', () => {
  expect([after(0, 2.1), after(300, 10), after(0, 2)]).toEqual(['dry', 'dry', 'fresh']);
});
test('silent for three intervals, or a minute when the interval is unknown, it is stale', () => {
  expect([after(29_999, 0.1), after(30_001, 0.1)]).toEqual(['calm', 'stale']);
  expect([after(60_000, 0), after(60_001, 0)]).toEqual(['calm', 'stale']);
});
test('a clock that is behind makes nothing stale', () => {
  expect(after(-5000, 1)).toBe('fresh');
});
test('a stale value never looks well again while its device is silent', () => {
  // The rate that a frame carries is a mean of ten seconds and fades to 0; the rhythm does not.
  let rows: Row[] = [];
  const seen = Array.from({ length: 90 }, (_, second) => {
    rows = applied(rows, frameOf({ atMs: NOW, rate: Math.max(0, 10 - second) * 0.1 }));
    return freshness(NOW, rows[0]?.beat ?? 0, NOW + second * 1000);
  });
  expect(seen.indexOf('stale')).toBe(6);
  expect(seen.slice(6).every((state) => state === 'stale')).toBe(true);
});

function frameOf(said: { atMs: number; rate: number }): Frame {
  const row: Row = { index: 0, node: 1, depth: 0, hasChildren: false, open: false, retained: false, hasValue: true, found: false, kind: 1, qos: 0, count: 1, payloadLen: 1, name: 'a', topic: 'a', preview: '1', spark: [], beat: said.rate, ...said };
  return { whole: false, overBounds: false, version: 1, layout: 1, totalRows: 1, offset: 0, windowLen: 1, nowMs: 0, rate: 0, messages: 1, topics: 1, rows: [row], detail: undefined };
}
