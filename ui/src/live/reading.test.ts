import { encode as toMsgpack } from '@msgpack/msgpack';
import { encode as toCbor } from 'cborg';
import { gzipSync, zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { read, type Format } from './reading';

const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const how = (bytes: Uint8Array, topic = 'a/b', as?: Format) => {
  const { steps, format, assumed, misfit } = read(bytes, topic, as);
  return [...steps, format, ...(assumed ? ['assumed'] : []), ...(misfit ? ['misfit'] : [])].join(' ');
};

/** Made by `protoc --encode` from the fields of `sparkplug_b.proto`: 21.5, -42 in 32 and in 64 bits, 0.1 under alias 7, true, null, text. */
const SPARKPLUG = hex('0880d8c1a28c3412180a0b74656d7065726174757265200a690000000000803540120f0a056465707468200350d6ffffff0f12120a03666172200458d6ffffffffffffffff0112091007200965cdcccc3d120a0a04646f6f72200b7001120a0a04676f6e65200a380112130a095f5f70726f746f5f5f200c7a04746578741803');

describe('what a payload is taken for', () => {
  test('text, numbers, JSON and images say it themselves', () => {
    expect(how(utf8('55.49'))).toBe('text');
    expect(how(utf8('empty'))).toBe('text');
    expect(how(utf8('{"t":1}'))).toBe('json');
    expect(read(hex('89504e470d0a1a0a'), 'a').image).toBe('image/png');
  });
  test('CBOR (RFC 8949 A) and MessagePack (its home page) are assumed where one alone fits', () => {
    expect(read(hex('a26161016162820203'), 'a')).toMatchObject({ format: 'cbor', assumed: true, value: { a: 1, b: [2, 3] } });
    expect(read(hex('82a7636f6d70616374c3a6736368656d6100'), 'a')).toMatchObject({ format: 'msgpack', assumed: true, value: { compact: true, schema: 0 } });
    expect(how(hex('01670110'))).toBe('hex');
  });
  test('what both can be is not guessed', () => {
    for (let seed = 1; seed < 3000; seed += 1) {
      const bytes = Uint8Array.from({ length: 1 + (seed % 24) }, (_, at) => (Math.imul(seed + at * 7919, 2654435761) >>> 13) & 0xff);
      const fits = (['cbor', 'msgpack'] as const).filter((format) => how(bytes, 'a', format) === format);
      const taken = read(bytes, 'a');
      if (taken.assumed && !taken.steps.length) expect(fits).toEqual([taken.format]);
    }
  });
  test('gzip, base64 of an image and data: addresses are opened, and it is told', () => {
    expect(how(gzipSync(utf8('{"t":1}')))).toBe('gzip json');
    expect(how(gzipSync(toCbor({ t: 1.5 })))).toBe('gzip cbor assumed');
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    expect(read(utf8(png), 'a')).toMatchObject({ steps: ['base64'], image: 'image/png' });
    expect(read(utf8(`data:image/png;base64,${png}`), 'a')).toMatchObject({ steps: ['data-url'], image: 'image/png' });
    expect(how(utf8('bonjour1')), 'a word that base64 allows').toBe('text');
    expect(read(utf8('eyJ0IjoxfQ=='), 'a', 'base64')).toMatchObject({ steps: ['base64'], format: 'json', misfit: false, value: { t: 1 } });
  });
  test('a LoRaWAN message shows the bytes of its device', () => {
    expect(read(utf8('{"fPort":2,"data":"AWcBEA=="}'), 'application/1/device/x/event/up').value).toMatchObject({ 'data (base64 → hex)': '01 67 01 10' });
    expect(read(utf8('{"data":"AWcBEA=="}'), 'a').value).toEqual({ data: 'AWcBEA==' });
  });
});

describe('Sparkplug B', () => {
  test('is read under its topics, signed numbers and names of any kind included', () => {
    const { value, assumed } = read(SPARKPLUG, 'spBv1.0/site/DDATA/edge/device');
    expect(assumed).toBe(true);
    expect(JSON.stringify(value)).toBe('{"timestamp":1790000000000,"seq":3,"metrics":{"temperature":21.5,"depth":-42,"far":-42,"alias 7":0.1,"door":true,"gone":null,"__proto__":"text"}}');
  });
  test('a number without its type is told both ways where they differ', () => {
    // A metric of alias 7 with int_value 4294967291 and no datatype, as data messages send it.
    const { value } = read(hex('12081007' + '50fbffffff0f'), 'spBv1.0/site/DDATA/edge');
    expect(value).toMatchObject({ metrics: { 'alias 7': '4294967291 | -5' } });
  });
  test('is guessed nowhere else, and its STATE messages are text', () => {
    expect(how(SPARKPLUG, 'site/spBv1.0/x')).not.toContain('sparkplug');
    expect(how(utf8('{"online":true}'), 'spBv1.0/STATE/host')).toBe('json');
    expect(how(utf8('55.49'), 'spBv1.0/site/DDATA/edge')).toBe('text');
  });
});

describe('what somebody chose', () => {
  test('is obeyed, or told not to fit', () => {
    expect(how(utf8('{"t":1}'), 'a', 'text')).toBe('text');
    expect(how(utf8('{"t":1}'), 'a', 'hex')).toBe('hex');
    expect(how(utf8('hello'), 'a', 'cbor')).toBe('text misfit');
    expect(read(hex('089601'), 'a', 'protobuf')).toMatchObject({ format: 'protobuf', value: { 1: 150 } });
    expect(read(hex('12070a0574657374731a03089601'), 'a', 'protobuf').value).toEqual({ 2: { 1: 'tests' }, 3: { 1: 150 } });
  });
});

describe('hostile bytes', () => {
  test('bombs are neither unpacked nor followed', () => {
    const bomb = gzipSync(new Uint8Array(50_000_000));
    expect(bomb.length).toBeLessThan(65_536);
    expect(how(bomb)).toBe('hex');
    expect(how(gzipSync(gzipSync(gzipSync(gzipSync(utf8('deep'))))))).toBe('gzip gzip gzip hex');
    for (const deep of [new Uint8Array(60_000).fill(0x81), new Uint8Array(60_000).fill(0x91), new Uint8Array(60_000).fill(0xc1), new Uint8Array(60_000).fill(0x0b)]) {
      for (const as of [undefined, 'cbor', 'msgpack', 'protobuf', 'sparkplug'] as const) expect(() => read(deep, 'spBv1.0/x', as)).not.toThrow();
    }
    // A list that claims four thousand million members, and a text as long.
    for (const claim of ['9affffffff', 'ddffffffff', '7affffffff61', 'dbffffffff61', '5bffffffffffffffff', '9fff', 'bf']) expect(() => read(hex(claim), 'a')).not.toThrow();
    expect(how(zlibSync(utf8('x')))).not.toContain('gzip');
  });
  test('keys that every object has are ordinary ones', () => {
    const { value } = read(toMsgpack(new Map([['__proto__', 1], ['constructor', 2]]) as never), 'a', 'msgpack');
    expect(value === undefined || Object.getPrototypeOf(value) === Object.prototype).toBe(true);
    const cbor = read(hex('a1695f5f70726f746f5f5fa16178182a'), 'a');
    expect(JSON.stringify(cbor.value)).toBe('{"__proto__":{"x":42}}');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
  test('any bytes are read without a fault, however they are to be read', () => {
    let state = 42;
    const next = () => { state = Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9 | 0; return state >>> 24; };
    for (let round = 0; round < 2000; round += 1) {
      const bytes = Uint8Array.from({ length: next() }, next);
      for (const as of [undefined, 'json', 'text', 'base64', 'cbor', 'msgpack', 'protobuf', 'sparkplug', 'hex'] as const) {
        expect(() => read(bytes, round % 2 ? 'a' : 'spBv1.0/a', as)).not.toThrow();
      }
    }
  });
});
