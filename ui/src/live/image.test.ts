import { expect, test } from 'vitest';
import { drawable, imageSize } from './image';

const png = (width: number, height: number) => {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
};
const ascii = (text: string) => [...text].map((letter) => letter.charCodeAt(0));

test('the size of each kind is read from its head', () => {
  expect(imageSize(png(640, 480))).toEqual([640, 480]);
  expect(imageSize(new Uint8Array([...ascii('GIF89a'), 0x40, 0x01, 0xf0, 0x00]))).toEqual([320, 240]);
  expect(imageSize(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0x00, 0xf0, 0x01, 0x40]))).toEqual([320, 240]);
  expect(imageSize(new Uint8Array([...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WEBPVP8X'), 10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 1, 0, 0xef, 0, 0]))).toEqual([320, 240]);
  expect(imageSize(new Uint8Array([...ascii('RIFF'), 0, 0, 0, 0, ...ascii('WEBPVP8L'), 10, 0, 0, 0, 0x2f, 0x3f, 0xc1, 0x3b, 0x00]))).toEqual([320, 240]);
});
test('a small file that asks for gigabytes is not drawn', () => {
  expect(drawable(png(4000, 4000))).toBe(true);
  expect(drawable(png(60_000, 60_000))).toBe(false);
  expect(drawable(png(0, 10))).toBe(false);
});
test('every head cut short is refused, and nothing throws', () => {
  for (let length = 0; length < 24; length += 1) expect(drawable(png(10, 10).subarray(0, length))).toBe(false);
  expect(drawable(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xff]))).toBe(false);
});
