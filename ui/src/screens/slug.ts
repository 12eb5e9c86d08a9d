/** Letters that are no letter with an accent. */
const LETTERS: Record<string, string> = { æ: 'ae', œ: 'oe', ß: 'ss', ø: 'o', ł: 'l', đ: 'd', ð: 'd', ı: 'i' };

/** As the daemon makes it of a name: "Salle 114" → `salle114`. Shown while typing; the daemon's is the one that counts. */
export function slug(name: string): string {
  const words = name.toLowerCase().replace(/[æœßøłđðı]/g, (letter) => LETTERS[letter] ?? letter)
    .normalize('NFD').replace(/\p{M}/gu, '').split(/[^a-z0-9]+/).filter(Boolean);
  return words.reduce((whole, word) => (whole && !/^\d/.test(word) ? `${whole}-${word}` : whole + word), '').slice(0, 23).replace(/-+$/, '');
}
