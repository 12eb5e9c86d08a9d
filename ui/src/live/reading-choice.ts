// How somebody said that a topic is to be read; kept in this browser.
import { FORMATS, type Format } from './reading';

const KEY = 'courtier.read';
const MOST = 100;

function all(): [string, Format][] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((each): each is [string, Format] => Array.isArray(each) && typeof each[0] === 'string' && FORMATS.includes(each[1] as Format)) : [];
  } catch {
    return [];
  }
}

export const chosenFor = (topic: string): Format | undefined => all().find(([name]) => name === topic)?.[1];

/** `undefined` goes back to what the bytes say. */
export function choose(topic: string, format: Format | undefined): void {
  const others = all().filter(([name]) => name !== topic);
  const next = format ? [...others, [topic, format]].slice(-MOST) : others;
  try {
    localStorage.setItem(KEY, JSON.stringify(next));
  } catch { /* a full or closed store: the choice holds for this view */ }
}
