// What a payload says: its fields, what changed since the one before, its bytes.

export interface FieldLine {
  depth: number;
  name: string;
  value: string;
  /** undefined: unchanged; else what stood there before ('' for a new field) */
  was: string | undefined;
  delta: number | undefined;
  state: 'same' | 'changed' | 'new' | 'gone';
}

export function asText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** undefined when it is no JSON object or list. */
export function asJson(bytes: Uint8Array): object | undefined {
  try {
    const parsed: unknown = JSON.parse(asText(bytes) ?? '');
    return typeof parsed === 'object' && parsed !== null && shallow(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const MOST_LINES = 400;
/** Deeper is text: as deep as the daemon reads JSON. */
const MOST_DEPTH = 128;

/** Not by recursion: a payload of brackets alone is deeper than the stack. */
function shallow(root: object): boolean {
  let level: object[] = [root];
  for (let depth = 0; level.length; depth += 1) {
    if (depth >= MOST_DEPTH) return false;
    level = level.flatMap((each) => Object.values(each).filter((value): value is object => typeof value === 'object' && value !== null));
  }
  return true;
}

/** One line a field, depth first; fields that went are told too. */
export function fieldLines(now: object, before: object | undefined): FieldLine[] {
  const lines: FieldLine[] = [];
  compare(now, before, 1, lines);
  return lines;
}

function compare(now: object, before: object | undefined, depth: number, lines: FieldLine[]): void {
  const old = (before ?? {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(now)) {
    if (lines.length >= MOST_LINES) return;
    // Own names only: a field may be called `constructor`.
    const known = Object.hasOwn(old, name);
    const was = known ? old[name] : undefined;
    if (typeof value === 'object' && value !== null) {
      const wasObject = typeof was === 'object' && was !== null ? was : undefined;
      const state = before === undefined || wasObject ? 'same' : known ? 'changed' : 'new';
      lines.push({ depth, name, value: Array.isArray(value) ? '[ ]' : '{ }', was: state === 'changed' ? JSON.stringify(was) : undefined, delta: undefined, state });
      compare(value, wasObject, depth + 1, lines);
      continue;
    }
    const text = JSON.stringify(value) ?? '';
    if (before === undefined || (known && was === value)) lines.push({ depth, name, value: text, was: undefined, delta: undefined, state: 'same' });
    else if (!known) lines.push({ depth, name, value: text, was: '', delta: undefined, state: 'new' });
    else {
      const delta = typeof value === 'number' && typeof was === 'number' ? value - was : undefined;
      lines.push({ depth, name, value: text, was: JSON.stringify(was) ?? '', delta, state: 'changed' });
    }
  }
  for (const name of Object.keys(old)) {
    if (lines.length >= MOST_LINES) return;
    if (!Object.hasOwn(now, name)) lines.push({ depth, name, value: '', was: JSON.stringify(old[name]) ?? '', delta: undefined, state: 'gone' });
  }
}

/** The numbers in a payload by their dotted path; `''` for a payload that is one. */
export function numbersIn(bytes: Uint8Array): Map<string, number> {
  const found = new Map<string, number>();
  const text = asText(bytes)?.trim() ?? '';
  if (/^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) found.set('', Number(text));
  const json = asJson(bytes);
  if (json) walk(json, '', found);
  return found;
}

function walk(value: object, path: string, found: Map<string, number>): void {
  for (const [name, each] of Object.entries(value)) {
    const at = path ? `${path}.${name}` : name;
    if (found.size >= 64) return;
    // Half a character cannot be asked for: JSON's \ud800 is a name that no UTF-8 can write.
    if (/\p{Cs}/u.test(name)) continue;
    if (typeof each === 'number') found.set(at, each);
    else if (typeof each === 'boolean') found.set(at, each ? 1 : 0);
    else if (typeof each === 'object' && each !== null) walk(each as object, at, found);
  }
}

/** Offset, sixteen bytes, the characters they may be. */
export function hexLines(bytes: Uint8Array, most = 64): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < most; at += 16) {
    const part = [...bytes.subarray(at, at + 16)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ').padEnd(47);
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex}  ${text}`);
  }
  return lines;
}

/** The type of an image by its first bytes; only these four are ever decoded. */
export function imageType(bytes: Uint8Array): string | undefined {
  const starts = (...magic: number[]) => magic.every((byte, at) => bytes[at] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47)) return 'image/png';
  if (starts(0xff, 0xd8, 0xff)) return 'image/jpeg';
  if (starts(0x47, 0x49, 0x46, 0x38)) return 'image/gif';
  if (starts(0x52, 0x49, 0x46, 0x46) && [0x57, 0x45, 0x42, 0x50].every((byte, at) => bytes[8 + at] === byte)) return 'image/webp';
  return undefined;
}
