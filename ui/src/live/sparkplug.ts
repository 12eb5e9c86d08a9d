// Sparkplug B payloads (Eclipse Sparkplug 3.0 §6.4, `sparkplug_b.proto`), read under `spBv1.0/` alone.
import { hexadecimal, round, small, wire, type Field } from './protobuf';

/** Bits of the signed integer types, by their number in the standard. */
const SIGNED: Record<number, number> = { 1: 8, 2: 16, 3: 32, 4: 64 };

const last = (fields: Field[], number: number): Field['value'] | undefined => fields.findLast((field) => field.number === number)?.value;
const integer = (value: Field['value'] | undefined): bigint | undefined => (typeof value === 'bigint' ? value : undefined);
const bytesOf = (value: Field['value'] | undefined): Uint8Array | undefined => (value instanceof Uint8Array ? value : undefined);
const textOf = (value: Field['value'] | undefined): string | undefined => {
  const bytes = bytesOf(value);
  return bytes && new TextDecoder().decode(bytes);
};

/** Time, sequence number and the metrics by name (or by alias, where a message names none). */
export function sparkplug(bytes: Uint8Array): Record<string, unknown> | undefined {
  const fields = wire(bytes);
  // Five fields are all it has: a number written as text is none of them.
  if (!fields?.length || !fields.every(({ number }) => number <= 5)) return undefined;
  const metrics: Record<string, unknown> = {};
  for (const { number, value } of fields) {
    if (number !== 2) continue;
    const metric = value instanceof Uint8Array ? wire(value) : undefined;
    if (!metric) return undefined;
    const alias = integer(last(metric, 2));
    const name = textOf(last(metric, 1)) ?? (alias === undefined ? '?' : `alias ${alias}`);
    Object.defineProperty(metrics, name, { value: valueOf(metric), enumerable: true, configurable: true, writable: true });
  }
  const [time, seq] = [integer(last(fields, 1)), integer(last(fields, 3))];
  return { ...(time === undefined ? {} : { timestamp: small(time) }), ...(seq === undefined ? {} : { seq: small(seq) }), metrics };
}

function valueOf(metric: Field[]): unknown {
  if (integer(last(metric, 7))) return null;
  const bits = SIGNED[Number(integer(last(metric, 4)) ?? 0n)];
  const whole = integer(last(metric, 10)) ?? integer(last(metric, 11));
  if (whole !== undefined) {
    const signed = bits ?? (last(metric, 4) === undefined ? (last(metric, 10) === undefined ? 64 : 32) : undefined);
    const value = signed ? BigInt.asIntN(signed, whole) : whole;
    // A data message may leave the type to its birth message: then both readings are told.
    return bits || value === whole ? small(value) : `${whole} | ${value}`;
  }
  const [single, double, yes] = [last(metric, 12), last(metric, 13), integer(last(metric, 14))];
  if (single instanceof DataView && single.byteLength === 4) return round(single.getFloat32(0, true));
  if (double instanceof DataView && double.byteLength === 8) return double.getFloat64(0, true);
  if (yes !== undefined) return yes !== 0n;
  const text = textOf(last(metric, 15));
  if (text !== undefined) return text;
  const raw = bytesOf(last(metric, 16)) ?? bytesOf(last(metric, 17)) ?? bytesOf(last(metric, 18));
  return raw ? hexadecimal(raw) : null;
}
