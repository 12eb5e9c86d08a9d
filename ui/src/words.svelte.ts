// Every sentence a person reads. Keys are typed by the French file; a test holds the English one to it.
import en from '../../assets/words/en.json';
import fr from '../../assets/words/fr.json';

export type Language = 'fr' | 'en';
type Raw = keyof typeof fr;
/** `devices_one` and `devices_other` are asked for as `devices`, with a `count`. */
type Plural<K> = K extends `${infer Base}_one` ? Base : never;
export type Key = Raw | Plural<Raw>;
export type Values = Record<string, string | number>;
/** A sentence cut at its holes, for screens that show a name in bold or a topic as code. */
export interface Piece {
  text: string;
  hole: string | undefined;
}

const sentences: Record<Language, Record<string, string>> = { fr: typeset(fr), en };

function remembered(): Language {
  const stored = globalThis.localStorage?.getItem('courtier.language');
  if (stored === 'fr' || stored === 'en') return stored;
  return globalThis.navigator?.language.toLowerCase().startsWith('fr') ? 'fr' : 'en';
}

class Tongue {
  language = $state<Language>(remembered());

  choose(language: Language): void {
    this.language = language;
    globalThis.localStorage?.setItem('courtier.language', language);
  }
}

export const tongue = new Tongue();

/** The sentence in the chosen language, its holes filled. Values are text, never HTML. */
export function t(key: Key, values: Values = {}): string {
  return sentence(tongue.language, key, values);
}

export function sentence(language: Language, key: Key, values: Values = {}): string {
  return pieces(language, key, values).map(({ text }) => text).join('');
}

export function pieces(language: Language, key: Key, values: Values = {}): Piece[] {
  const found = template(language, key, values['count']);
  if (found === undefined) return [{ text: key, hole: undefined }];
  // Split on a group keeps the names of the holes at the odd places.
  return found.split(/\{(\w+)\}/).map((part, at) => {
    if (at % 2 === 0) return { text: part, hole: undefined };
    const value = values[part];
    const text = typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : (value ?? `{${part}}`);
    return { text, hole: part };
  });
}

function template(language: Language, key: Key, count: string | number | undefined): string | undefined {
  const all = sentences[language];
  if (all[key] !== undefined || typeof count !== 'number') return all[key];
  const form = new Intl.PluralRules(language).select(count) === 'one' ? 'one' : 'other';
  return all[`${key}_${form}`];
}

/** Whether a key exists: for words chosen by a code that came over the wire. */
export function has(key: string): key is Key {
  return key in fr;
}

/** French typography: a narrow space before ; ! ? and a full one before : and inside « », none of which breaks. */
export function french(text: string): string {
  return text.replace(/ ([;!?])/g, '\u202f$1').replace(/ ([:»])/g, '\u00a0$1').replace(/« /g, '«\u00a0');
}

function typeset(words: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).map(([key, text]) => [key, french(text)]));
}
