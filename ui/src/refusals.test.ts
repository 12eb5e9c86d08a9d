import { expect, it } from 'vitest';
import type { Event } from './api/generated/wire';
import { name, newest } from './refusals';

const refused = (seq: number, client_id: string | null, device: string | null = null): Event => ({
  seq, at_ms: seq * 1000, kind: 'refused', device, client_id, peer: '192.0.2.9:50123', topic: null,
  refusal: { cause: 'unknown_identity', at_ms: seq * 1000, tries: 1, detail: '' },
});

it('a stranger who tries again moves up and is shown once', () => {
  const shown = newest(newest([], [refused(1, 'a'), refused(2, 'b')]), [refused(3, 'a')]);
  expect(shown.map((event) => [event.client_id, event.seq])).toEqual([['a', 3], ['b', 2]]);
});

it('a refused device is no stranger, and who connects is not refused', () => {
  const connected: Event = { ...refused(4, 'c'), kind: 'connected', refusal: null };
  expect(newest([], [refused(1, 'a', 'serre-01'), connected])).toEqual([]);
});

it('who gives no name is known by its address, whatever port it comes from', () => {
  expect(name(refused(1, null))).toBe('192.0.2.9');
  expect(name({ ...refused(1, ''), peer: '[2001:db8::1]:80' })).toBe('[2001:db8::1]');
});
