/** A device or group: lower case ASCII, digits, dashes inside, at most 23. */
export function isId(text: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,21}[a-z0-9])?$/.test(text);
}
