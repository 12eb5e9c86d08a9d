/** Why a file cannot be a table of devices. */
export class NotText extends Error {}

const LARGEST_BYTES = 300_000;

/** The text of a file: UTF-8, or else what Windows spreadsheets write. */
export function tableText(bytes: Uint8Array): string {
  if (bytes.length > LARGEST_BYTES || bytes.includes(0)) throw new NotText();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** `serre-{00}` for three devices: serre-01, serre-02, serre-03. Nothing where they would be the same. */
export function numbered(pattern: string, count: number): string[] | undefined {
  const hole = /\{(0{1,6})\}/;
  if (count > 1 && !hole.test(pattern)) return undefined;
  return Array.from({ length: count }, (_, at) => pattern.replace(hole, (_match, zeros: string) => String(at + 1).padStart(zeros.length, '0')));
}
