// How large an image says it is, read without decoding it: a few bytes can ask for gigabytes.

const MOST_PIXELS = 16_000_000;

/** Width and height from the head of a PNG, GIF, JPEG or WebP. */
export function imageSize(bytes: Uint8Array): [number, number] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) === 0x89504e47) return [view.getUint32(16), view.getUint32(20)];
    if (view.getUint32(0) === 0x47494638) return [view.getUint16(6, true), view.getUint16(8, true)];
    if (view.getUint16(0) === 0xffd8) return jpeg(view);
    if (view.getUint32(0) === 0x52494646 && view.getUint32(8) === 0x57454250) return webp(view);
  } catch {
    // Shorter than its head: no image.
  }
  return undefined;
}

export function drawable(bytes: Uint8Array): boolean {
  const size = imageSize(bytes);
  return size !== undefined && size[0] > 0 && size[1] > 0 && size[0] * size[1] <= MOST_PIXELS;
}

/** Walks the segments to the frame header (SOF). */
function jpeg(view: DataView): [number, number] | undefined {
  let at = 2;
  while (view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (frame) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webp(view: DataView): [number, number] | undefined {
  const u24 = (at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  switch (view.getUint32(12)) {
    case 0x56503858: // VP8X
      return [u24(24) + 1, u24(27) + 1];
    case 0x5650384c: { // VP8L
      const bits = view.getUint32(21, true);
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    }
    case 0x56503820: // VP8
      return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
    default:
      return undefined;
  }
}
