import { describe, expect, test } from 'vitest';
import { asJson, asText, fieldLines, hexLines, imageType, numbersIn, type FieldLine } from './payload';

const bytes = (text: string) => new TextEncoder().encode(text);
function lines(now: string, before?: string): FieldLine[] {
  return fieldLines(asJson(bytes(now)) ?? {}, before === undefined ? undefined : asJson(bytes(before)));
}
const states = (now: string, before?: string) => lines(now, before).map(({ name, state }) => `${name} ${state}`);

describe('fields', () => {
  test('changed, new, gone and same ones are told apart', () => {
    expect(states('{"t":23.4,"h":61,"n":1}', '{"t":23.3,"h":61,"x":true}')).toEqual(['t changed', 'h same', 'n new', 'x gone']);
    expect(lines('{"t":23.5}', '{"t":23.25}')[0]).toMatchObject({ value: '23.5', was: '23.25', delta: 0.25 });
  });
  test('without a message before, nothing is said to have changed', () => {
    expect(states('{"t":1,"o":{"a":2}}')).toEqual(['t same', 'o same', 'a same']);
  });
  test('a field inside a field is compared with the same one', () => {
    expect(states('{"o":{"a":2,"b":3}}', '{"o":{"a":1,"b":3}}')).toEqual(['o same', 'a changed', 'b same']);
  });
  test('a number that became an object has changed', () => {
    expect(states('{"a":{"b":1}}', '{"a":1}')[0]).toBe('a changed');
  });
  test('names that every object has are ordinary names', () => {
    expect(states('{"toString":1,"__proto__":2}', '{"t":1}')).toEqual(['toString new', '__proto__ new', 't gone']);
    expect(states('{"t":1}', '{"t":1,"constructor":2}')).toEqual(['t same', 'constructor gone']);
  });
  test('a payload nested as deep as it can be does not break the page', () => {
    const deep = '['.repeat(32_000) + ']'.repeat(32_000);
    expect(() => lines(deep)).not.toThrow();
    expect(() => lines('{"a":1}', `{"gone":${deep}}`)).not.toThrow();
    expect(() => numbersIn(bytes(deep))).not.toThrow();
  });
  test('a wide payload is cut to a bounded number of lines', () => {
    const wide = JSON.stringify(Array.from({ length: 300 }, () => Array.from({ length: 60 }, () => 1)));
    expect(lines(wide).length).toBeLessThan(1000);
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`f${at}`, 1])));
    expect(lines('{"a":1}', many).length).toBeLessThan(1000);
  });
});

describe('numbers', () => {
  test('are found by their dotted path, yes and no as 1 and 0', () => {
    expect([...numbersIn(bytes('{"t":1.5,"o":{"x":2,"on":true},"s":"3"}'))]).toEqual([['t', 1.5], ['o.x', 2], ['o.on', 1]]);
    expect([...numbersIn(bytes(' -2.5e1\n'))]).toEqual([['', -25]]);
    expect([...numbersIn(bytes('NaN'))]).toEqual([]);
  });
});

describe('bytes', () => {
  test('what is not UTF-8 is no text', () => {
    expect(asText(new Uint8Array([0xff, 0xfe]))).toBeUndefined();
    expect(asText(bytes('é'))).toBe('é');
  });
  test('a byte order mark is shown, not swallowed', () => {
    expect(asText(bytes('\ufeffa'))).toBe('\ufeffa');
  });
  test('sixteen a line, with their offset and what can be read', () => {
    expect(hexLines(new Uint8Array([...bytes('<script>'), 0, 0x1b, ...bytes('abcdefg')]))).toEqual([
      '000000  3c 73 63 72 69 70 74 3e 00 1b 61 62 63 64 65 66  <script>··abcdef',
      `000010  ${'67'.padEnd(47)}  g`,
    ]);
    expect(hexLines(new Uint8Array(5000), 4)).toHaveLength(4);
  });
  test('only four kinds of image are images; a drawing with scripts is none', () => {
    expect(imageType(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d]))).toBe('image/png');
    expect(imageType(new Uint8Array([...bytes('RIFF'), 0, 0, 0, 0, ...bytes('WEBP')]))).toBe('image/webp');
    expect(imageType(new Uint8Array([...bytes('RIFF'), 0, 0, 0, 0, ...bytes('WAVE')]))).toBeUndefined();
    expect(imageType(bytes('<svg onload=alert(1)>'))).toBeUndefined();
    expect(imageType(new Uint8Array())).toBeUndefined();
  });
  test('a name that no UTF-8 can write is no field to chart', () => {
    expect([...numbersIn(bytes('{"\\ud800":1,"a":{"\\udfff":2,"b":3}}')).keys()]).toEqual(['a.b']);
  });
});
