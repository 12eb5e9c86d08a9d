import { expect, test } from 'vitest';
import { NotText, numbered, tableText } from './table';

test('a file is read as UTF-8, and as Windows writes it', () => {
  expect(tableText(new TextEncoder().encode('matériel;groupe'))).toBe('matériel;groupe');
  expect(tableText(Uint8Array.from([0x6d, 0xe9, 0x74]))).toBe('mét');
});

test('what is no text is refused', () => {
  expect(() => tableText(Uint8Array.from([0x50, 0x4b, 3, 4, 0]))).toThrow(NotText);
  expect(() => tableText(new Uint8Array(300_001).fill(65))).toThrow(NotText);
});

test('a pattern numbers the devices it is given', () => {
  expect(numbered('serre-{00}', 3)).toEqual(['serre-01', 'serre-02', 'serre-03']);
  expect(numbered('lampe', 1)).toEqual(['lampe']);
  expect(numbered('lampe', 2)).toBeUndefined();
});
