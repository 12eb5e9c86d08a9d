// Every sentence a person reads. Keys are typed by the French file; a test holds the English one to it.
import en from '../../assets/words/en.json';
import fr from '../../assets/words/fr.json';

export type Language = 'fr' | 'en';
type Raw = keyof typeof fr;
/** `devices_one` and `devices_other` are asked for as `devices`, with a `count`. */
type Plural<K> = K extends `${infer Base}_one` ? Base : never;
export type Key = Raw | Plural<Raw>;
export type Values = Record<string, string | number>;

const sentences: Record<Language, Record<string, string>> = { fr, en };

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
  const all = sentences[language];
  let found = all[key];
  if (found === undefined && typeof values['count'] === 'number') {
    const form = new Intl.PluralRules(language).select(values['count']) === 'one' ? 'one' : 'other';
    found = all[`${key}_${form}`];
  }
  if (found === undefined) return key;
  return found.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = values[name];
    if (value === undefined) return hole;
    return typeof value === 'number' ? new Intl.NumberFormat(language).format(value) : value;
  });
}

/** Whether a key exists: for words chosen by a code that came over the wire. */
export function has(key: string): key is Key {
  return key in fr;
}
