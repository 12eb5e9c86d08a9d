// Numbers, sizes and times as people of each language write them.
import { sentence, tongue, type Language } from './words.svelte';

const cache = new Map<string, Intl.NumberFormat>();

function formatter(language: Language, digits: number): Intl.NumberFormat {
  const name = `${language}${digits}`;
  let found = cache.get(name);
  if (!found) {
    found = new Intl.NumberFormat(language, { maximumFractionDigits: digits });
    cache.set(name, found);
  }
  return found;
}

/** At most `digits` decimals; a true minus. */
export function number(value: number, digits = 2, language: Language = tongue.language): string {
  return formatter(language, digits).format(value).replace('-', '−');
}

/** Messages a second: a tenth matters only where they are few. */
export const perSecond = (rate: number): string => number(rate, rate < 10 ? 1 : 0);

/** As many digits as a person can read at a glance. */
export function reading(value: number, language: Language = tongue.language): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(2).replaceAll('-', '−').replace('.', language === 'fr' ? ',' : '.');
  return number(value, size >= 1000 ? 0 : size >= 100 ? 1 : 2, language);
}

/** A preview as the frame sends it, its number in the reader's notation. */
export function preview(text: string, language: Language = tongue.language): string {
  if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return reading(Number(text), language);
  const field = /^(\S+) (-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)$/.exec(text);
  if (field?.[2] !== undefined) return reading(Number(field[2]), language);
  return text;
}

export function bytes(count: number, language: Language = tongue.language): string {
  const units = language === 'fr' ? ['o', 'ko', 'Mo', 'Go', 'To'] : ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = count;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${number(size, size < 10 && unit > 0 ? 1 : 0, language)}\u00a0${units[unit]}`;
}

/** "à l’instant", "il y a 8 s", "il y a 3 min". */
export function ago(atMs: number, nowMs: number, language: Language = tongue.language): string {
  const seconds = Math.max(0, Math.round((nowMs - atMs) / 1000));
  if (seconds < 3) return sentence(language, 'time_now');
  return sentence(language, 'time_ago', { time: duration(seconds, language) });
}

export function duration(seconds: number, language: Language = tongue.language): string {
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0${language === 'fr' ? 'j' : 'd'}`;
}

/** "9 h 45" in French prose, "9:45" in English. */
export function hour(atMs: number, language: Language = tongue.language): string {
  const at = new Date(atMs);
  const minutes = String(at.getMinutes()).padStart(2, '0');
  return language === 'fr' ? `${at.getHours()}\u00a0h\u00a0${minutes}` : `${at.getHours()}:${minutes}`;
}

/** 09:45:12,4 in tables. */
export function clock(atMs: number, language: Language = tongue.language): string {
  const at = new Date(atMs);
  const two = (part: number) => String(part).padStart(2, '0');
  const tenth = Math.floor(at.getMilliseconds() / 100);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}${language === 'fr' ? ',' : '.'}${tenth}`;
}

export function date(text: string, language: Language = tongue.language): string {
  if (Number.isNaN(Date.parse(text))) return text;
  return new Intl.DateTimeFormat(language, { dateStyle: 'long' }).format(new Date(text));
}

/** A day and a time, to the minute. */
export function dateTime(atMs: number, language: Language = tongue.language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'short', timeStyle: 'short' }).format(new Date(atMs));
}

/** What may be dangerous or invisible in a received text, made visible. */
export function visible(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
