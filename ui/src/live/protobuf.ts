// The wire format of Protocol Buffers, without a schema: numbered fields, each read as what it may be.
// https://protobuf.dev/programming-guides/encoding/

export interface Field {
  number: number;
  /** varint, 64 bit, bytes or 32 bit */
  value: bigint | Uint8Array | DataView;
}

const MOST_FIELDS = 2000;
const MOST_DEPTH = 16;

/** Every field in its order; undefined when the bytes are no message. */
export function wire(bytes: Uint8Array): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) return undefined;
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  };
  const part = (length: number): Uint8Array | undefined => {
    if (length > bytes.length - at) return undefined;
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === undefined || fields.length >= MOST_FIELDS) return undefined;
    const number = Number(tag >> 3n);
    if (number < 1 || number > 0x1fff_ffff) return undefined;
    let value: Field['value'] | undefined;
    switch (Number(tag & 7n)) {
      case 0: value = varint(); break;
      case 1: value = view(part(8)); break;
      case 2: {
        const length = varint();
        value = length === undefined || length > BigInt(bytes.length) ? undefined : part(Number(length));
        break;
      }
      case 5: value = view(part(4)); break;
      default: return undefined;
    }
    if (value === undefined) return undefined;
    fields.push({ number, value });
  }
  return fields;
}

const view = (bytes: Uint8Array | undefined): DataView | undefined => bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Fields by their number; one that comes again is a list. Without a schema the rest is a guess. */
export function withoutSchema(bytes: Uint8Array, depth = 0): Record<string, unknown> | undefined {
  const fields = wire(bytes);
  if (!fields?.length) return undefined;
  const found = new Map<string, unknown[]>();
  for (const { number, value } of fields) {
    const known = found.get(String(number)) ?? [];
    known.push(guess(value, depth));
    found.set(String(number), known);
  }
  return Object.fromEntries([...found].map(([name, values]) => [name, values.length > 1 ? values : values[0]]));
}

function guess(value: Field['value'], depth: number): unknown {
  if (typeof value === 'bigint') return small(value);
  if (value instanceof DataView) return value.byteLength === 4 ? round(value.getFloat32(0, true)) : value.getFloat64(0, true);
  const text = printable(value);
  if (text !== undefined) return text;
  return (depth < MOST_DEPTH ? withoutSchema(value, depth + 1) : undefined) ?? hexadecimal(value);
}

/** A number where it is exact, else its digits. */
export const small = (value: bigint): number | string => (value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString());

/** As many digits as 32 bits carry. */
export const round = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(7)) : value);

export const hexadecimal = (bytes: Uint8Array): string =>
  [...bytes.subarray(0, 64)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ') + (bytes.length > 64 ? ' …' : '');

function printable(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /^[^\p{Cc}\p{Cn}]*$/u.test(text.replace(/[\t\r\n]/g, '')) ? text : undefined;
  } catch {
    return undefined;
  }
}
