import { describe, expect, it } from 'vitest';
import en from '../../assets/words/en.json';
import fr from '../../assets/words/fr.json';
import { CODES, REFUSAL_CAUSES, type DeviceState, type NetworkKind } from './api/generated/wire';
import { french, has, pieces, sentence } from './words.svelte';

const FR: Record<string, string> = fr;
const EN: Record<string, string> = en;
const holes = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]))].sort();

describe('the sentences', () => {
  it('exist in both languages, with the same holes, and say something', () => {
    expect(Object.keys(FR).sort()).toEqual(Object.keys(EN).sort());
    for (const [key, text] of Object.entries(FR)) {
      expect(text.trim(), key).not.toBe('');
      expect(EN[key]?.trim(), key).not.toBe('');
      expect(holes(EN[key] ?? ''), key).toEqual(holes(text));
    }
  });

  it('have both forms of every plural', () => {
    for (const key of Object.keys(FR)) {
      if (key.endsWith('_one')) expect(FR, key).toHaveProperty(key.replace(/_one$/, '_other'));
    }
  });

  it('cover every refusal that the daemon can send, with cause and remedy', () => {
    expect(CODES.length).toBeGreaterThan(20);
    expect(REFUSAL_CAUSES.length).toBeGreaterThan(20);
    for (const code of CODES) expect(has(`problem_${code}`), code).toBe(true);
    for (const cause of REFUSAL_CAUSES) {
      expect(has(`refusal_${cause}`), cause).toBe(true);
      expect(has(`remedy_${cause}`), cause).toBe(true);
    }
  });

  it('cover every state of a device and every kind of network', () => {
    const states: Record<DeviceState, true> = { expected: true, online: true, late: true, absent: true, refused: true, revoked: true };
    const networks: Record<NetworkKind, true> = { wifi: true, cable: true, virtual: true, loopback: true };
    for (const state of Object.keys(states)) expect(has(`mark_${state}`), state).toBe(true);
    for (const network of Object.keys(networks)) expect(has(`network_${network}_text`), network).toBe(true);
  });

  it('neither exclaim nor thank nor apologise', () => {
    const never = /!|\boups\b|veuillez|désolé|merci|\bplease\b|\bsorry\b|\boops\b|thank/i;
    for (const [key, text] of [...Object.entries(FR), ...Object.entries(EN)]) expect(text, key).not.toMatch(never);
  });
});

describe('a sentence', () => {
  it('is chosen by its count, as each language counts', () => {
    expect(sentence('fr', 'devices', { count: 0 })).toBe('0 appareil');
    expect(sentence('en', 'devices', { count: 0 })).toBe('0 devices');
    expect(sentence('fr', 'devices', { count: 1 })).toBe('1 appareil');
    expect(sentence('fr', 'devices', { count: 2 })).toBe('2 appareils');
  });

  it('shows a value as text, whatever it holds', () => {
    const hostile = '<img src=x onerror=alert(1)> {device} $& $1';
    expect(sentence('en', 'saved', { name: hostile })).toBe(`${hostile} is saved.`);
  });

  it('keeps its holes apart for those who set them in bold', () => {
    expect(pieces('en', 'saved', { name: 'ca.pem' })).toEqual([
      { text: '', hole: undefined }, { text: 'ca.pem', hole: 'name' }, { text: ' is saved.', hole: undefined },
    ]);
  });

  it('in French has spaces that do not break before signs and inside guillemets', () => {
    expect(french('Quoi ? Ici : « demo » ; bien')).toBe('Quoi\u202f? Ici\u00a0: «\u00a0demo\u00a0»\u202f; bien');
    for (const key of Object.keys(FR)) {
      if (has(key)) expect(pieces('fr', key).map(({ text }) => text).join('…'), key).not.toMatch(/ [?!;:»]|« /);
    }
  });
});
