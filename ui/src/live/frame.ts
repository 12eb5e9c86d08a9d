// The binary frame of `crates/live/src/frame.rs`: little endian, only the rows that changed.
// Bounds are checked: a short or foreign frame throws, it never shows garbage.

export interface Row {
  index: number;
  node: number;
  depth: number;
  hasChildren: boolean;
  open: boolean;
  retained: boolean;
  hasValue: boolean;
  found: boolean;
  kind: number;
  qos: number;
  atMs: number;
  rate: number;
  /** The rate when its last message came: what its silence is measured against. */
  beat: number;
  count: number;
  payloadLen: number;
  name: string;
  topic: string;
  preview: string;
  spark: number[];
}

export interface Detail {
  topic: string;
  atMs: number;
  qos: number;
  retained: boolean;
  publisher: string;
  count: number;
  rate: number;
  payloadLen: number;
  payload: Uint8Array<ArrayBuffer>;
  previous: Uint8Array<ArrayBuffer>;
}

export interface Frame {
  whole: boolean;
  overBounds: boolean;
  version: number;
  layout: number;
  totalRows: number;
  offset: number;
  windowLen: number;
  nowMs: number;
  rate: number;
  messages: number;
  topics: number;
  rows: Row[];
  detail: Detail | undefined;
}

export class BadFrame extends Error {}

class Reader {
  private at = 0;
  private readonly view: DataView;
  private readonly text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(private readonly buffer: ArrayBuffer) {
    this.view = new DataView(buffer);
  }

  private step(length: number): number {
    const start = this.at;
    if (start + length > this.buffer.byteLength) throw new BadFrame(`ends at ${this.buffer.byteLength}, wants ${start + length}`);
    this.at += length;
    return start;
  }

  u8 = (): number => this.view.getUint8(this.step(1));
  u16 = (): number => this.view.getUint16(this.step(2), true);
  u32 = (): number => this.view.getUint32(this.step(4), true);
  u64 = (): number => Number(this.view.getBigUint64(this.step(8), true));
  f32 = (): number => this.view.getFloat32(this.step(4), true);
  f64 = (): number => this.view.getFloat64(this.step(8), true);
  bytes = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(this.buffer.slice(this.step(length), this.at));

  string(): string {
    const length = this.u16();
    try {
      return this.text.decode(new Uint8Array(this.buffer, this.step(length), length));
    } catch (error) {
      throw error instanceof BadFrame ? error : new BadFrame('a text is not UTF-8');
    }
  }

  end(): void {
    if (this.at !== this.buffer.byteLength) throw new BadFrame(`${this.buffer.byteLength - this.at} bytes too many`);
  }
}

export function decode(buffer: ArrayBuffer): Frame {
  const r = new Reader(buffer);
  const format = r.u8();
  if (format !== 1) throw new BadFrame(`format ${format}`);
  const flags = r.u8();
  r.u16();
  const head = {
    whole: (flags & 1) !== 0, overBounds: (flags & 2) !== 0, version: r.u64(), layout: r.u32(), totalRows: r.u32(), offset: r.u32(),
    windowLen: r.u32(), nowMs: r.f64(), rate: r.f64(), messages: r.u64(), topics: r.u32(),
  };
  const count = r.u32();
  const rows: Row[] = [];
  for (let at = 0; at < count; at += 1) rows.push(row(r));
  const detail = r.u8() === 1 ? detailOf(r) : undefined;
  r.end();
  return { ...head, rows, detail };
}

function row(r: Reader): Row {
  const index = r.u32();
  const node = r.u32();
  const depth = r.u8();
  const flags = r.u8();
  const fixed = { kind: r.u8(), qos: r.u8(), atMs: r.f64(), rate: r.f32(), count: r.u32(), payloadLen: r.u32(), name: r.string(), topic: r.string(), preview: r.string() };
  const spark = Array.from({ length: r.u8() }, r.f32);
  const bit = (at: number) => (flags & (1 << at)) !== 0;
  return { index, node, depth, hasChildren: bit(0), open: bit(1), retained: bit(2), hasValue: bit(3), found: bit(5), ...fixed, beat: fixed.rate, spark };
}

function detailOf(r: Reader): Detail {
  const head = { topic: r.string(), atMs: r.f64(), qos: r.u8(), retained: r.u8() === 1, publisher: r.string(), count: r.u64(), rate: r.f32(), payloadLen: r.u32() };
  return { ...head, payload: r.bytes(r.u32()), previous: r.bytes(r.u32()) };
}

/** What the page holds after a frame: the whole window, or the rows it had with the changed ones put in. */
export function applied(rows: readonly Row[], frame: Frame): Row[] {
  const before = new Map(rows.map((row) => [row.node, row]));
  const fresh = frame.rows.map((row) => beating(row, before.get(row.node)));
  if (frame.whole) return fresh;
  const next = [...rows];
  for (const changed of fresh) {
    const at = next.findIndex((old) => old.index === changed.index);
    if (at >= 0) next[at] = changed;
    else next.push(changed);
  }
  return next;
}

/** The rate of a silent topic fades to 0; its rhythm is the one it had when it last spoke. */
function beating(row: Row, before: Row | undefined): Row {
  return before?.atMs === row.atMs ? { ...row, beat: Math.max(before.beat, row.rate) } : row;
}
