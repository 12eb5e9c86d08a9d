// How a payload is read. What was assumed is told, and whoever knows better chooses; nothing here
// changes the bytes. Order: Sparkplug by its topics, images by their first bytes, gzip by its own,
// then text, JSON, and CBOR or MessagePack where only one of them fits.
import { decode as msgpack } from '@msgpack/msgpack';
import { decode as cbor } from 'cborg';
import { Gunzip } from 'fflate';
import { asJson, asText, imageType } from './payload';
import { hexadecimal, small, withoutSchema } from './protobuf';
import { sparkplug } from './sparkplug';

export const FORMATS = ['json', 'text', 'base64', 'cbor', 'msgpack', 'protobuf', 'sparkplug', 'hex'] as const;
export type Format = (typeof FORMATS)[number];
export type Step = 'gzip' | 'base64' | 'data-url';

export interface Reading {
  format: Format;
  /** What it was wrapped in, from the outside in. */
  steps: Step[];
  /** Nobody chose this, and the bytes alone do not say it. */
  assumed: boolean;
  /** What was chosen does not fit these bytes. */
  misfit: boolean;
  /** Inside of the wrappers. */
  bytes: Uint8Array;
  /** For the view of fields. */
  value?: object;
  text?: string;
  image?: string;
}

const MOST_UNPACKED = 256 * 1024;
const MOST_LAYERS = 3;
const MOST_DEPTH = 64;
const MOST_NODES = 20_000;

export function read(bytes: Uint8Array, topic: string, chosen?: Format): Reading {
  const steps: Step[] = [];
  let inner = bytes;
  if (chosen !== 'hex') {
    for (let layer = 0; layer < MOST_LAYERS; layer += 1) {
      const opened = open(inner, chosen === 'base64' && !steps.includes('base64'));
      if (!opened) break;
      steps.push(opened.step);
      inner = opened.bytes;
    }
  }
  const base = { steps, bytes: inner, assumed: false, misfit: false };
  if (chosen === 'base64') return steps.includes('base64') ? { ...guessed(base, topic), assumed: false } : { ...guessed(base, topic), misfit: true };
  if (!chosen) return guessed(base, topic);
  const forced = as(base, chosen);
  return forced ?? { ...guessed(base, topic), misfit: true };
}

type Base = Pick<Reading, 'steps' | 'bytes' | 'assumed' | 'misfit'>;

function guessed(base: Base, topic: string): Reading {
  const { bytes } = base;
  // Only there: guessed anywhere else, plain numbers became empty objects in other programs.
  if (topic.startsWith('spBv1.0/') && !topic.startsWith('spBv1.0/STATE/')) {
    const found = as(base, 'sparkplug');
    if (found) return { ...found, assumed: true };
  }
  const image = imageType(bytes);
  if (image) return { ...base, format: 'hex', image };
  const text = asText(bytes);
  if (text !== undefined && !/[\0-\x08\x0b\x0c\x0e-\x1f]/.test(text)) return as(base, 'json') ?? { ...base, format: 'text', text };
  const fits = (['cbor', 'msgpack'] as const).flatMap((format) => as(base, format) ?? []);
  const [only] = fits;
  return only && fits.length === 1 ? { ...only, assumed: true } : { ...base, format: 'hex' };
}

function as(base: Base, format: Format): Reading | undefined {
  const { bytes } = base;
  switch (format) {
    case 'hex': return { ...base, format };
    case 'text': case 'base64': return { ...base, format: 'text', text: new TextDecoder().decode(bytes) };
    case 'json': {
      const value = asJson(bytes);
      return value && { ...base, format, value: withBytes(value), text: asText(bytes) ?? '' };
    }
    case 'cbor': return fields(base, format, () => cbor(bytes, { useMaps: true, tags: anyTag }));
    case 'msgpack': return fields(base, format, () => msgpack(bytes, { useBigInt64: true }));
    case 'protobuf': return fields(base, format, () => withoutSchema(bytes));
    case 'sparkplug': return fields(base, format, () => sparkplug(bytes));
  }
}

function fields(base: Base, format: Format, decode: () => unknown): Reading | undefined {
  try {
    const value = plain(decode(), { nodes: 0 }, 0);
    return typeof value === 'object' && value !== null ? { ...base, format, value } : undefined;
  } catch {
    return undefined;
  }
}

/** A tag says what its content is for; the content is shown. */
const anyTag = new Proxy({}, { get: () => (content: () => unknown) => content() }) as Record<number, (content: () => unknown) => unknown>;

/** Only what JSON can say, for the view of fields: byte strings in hexadecimal, keys as text. */
function plain(value: unknown, count: { nodes: number }, depth: number): unknown {
  count.nodes += 1;
  if (depth > MOST_DEPTH || count.nodes > MOST_NODES) throw new RangeError('too deep or too large');
  if (typeof value === 'bigint') return small(value);
  if (value instanceof Uint8Array) return hexadecimal(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((each) => plain(each, count, depth + 1));
  if (typeof value !== 'object' || value === null) return value ?? null;
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  // Not by assignment: a key may be `__proto__`.
  return Object.fromEntries(entries.map(([key, each]) => [typeof key === 'object' ? JSON.stringify(key) : String(key), plain(each, count, depth + 1)]));
}

/** LoRaWAN servers put the device's bytes into `data` as base64, beside `fPort`: they are shown too. */
function withBytes(value: object): object {
  const { data, fPort } = value as { data?: unknown; fPort?: unknown };
  const bytes = typeof fPort === 'number' && typeof data === 'string' ? base64(data) : undefined;
  return bytes ? { ...value, 'data (base64 → hex)': hexadecimal(bytes) } : value;
}

function open(bytes: Uint8Array, unwrapText: boolean): { step: Step; bytes: Uint8Array } | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8) {
    const unpacked = gunzip(bytes);
    return unpacked && { step: 'gzip', bytes: unpacked };
  }
  const text = bytes.length > 8 ? asText(bytes)?.trim() : undefined;
  if (text === undefined) return undefined;
  const url = /^data:[\w.+/-]*(?:;[\w=.-]+)*;base64,/.exec(text.slice(0, 200))?.[0];
  const decoded = base64(url ? text.slice(url.length) : text);
  if (!decoded) return undefined;
  if (url) return { step: 'data-url', bytes: decoded };
  // A word may look like base64: without being asked only an image is taken out of it.
  return unwrapText || imageType(decoded) ? { step: 'base64', bytes: decoded } : undefined;
}

/** In small pieces: a few bytes can ask for gigabytes. */
function gunzip(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Gunzip((part) => { size += part.length; parts.push(part); });
  try {
    for (let at = 0; at < bytes.length; at += 128) {
      stream.push(bytes.subarray(at, at + 128), at + 128 >= bytes.length);
      if (size > MOST_UNPACKED) return undefined;
    }
  } catch {
    return undefined;
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return size ? whole : undefined;
}

function base64(text: string): Uint8Array | undefined {
  const compact = text.replace(/\s+/g, '').replaceAll('-', '+').replaceAll('_', '/');
  if (compact.length < 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(compact)) return undefined;
  try {
    return Uint8Array.from(atob(compact), (each) => each.charCodeAt(0));
  } catch {
    return undefined;
  }
}
