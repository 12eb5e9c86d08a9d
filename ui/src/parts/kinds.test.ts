import { describe, expect, it } from 'vitest';
import type { Kind } from '../api/generated/wire';
import { families, found, ofFamily } from './kinds';

function kind(key: string, more: Partial<Kind> = {}): Kind {
  return {
    key, picture: key, category: 'boards', common: false, transports: ['tls'], name_fr: key, name_en: key, blurb_fr: '', blurb_en: '',
    search: [], simulated: false, needs_clock: false, resolves_names: false, guests_only: false, ...more,
  };
}

const kinds = [
  kind('esp32', { common: true, name_fr: 'ESP32 avec Arduino', search: ['espressif'] }),
  kind('phone', { category: 'phones', name_fr: 'Téléphone avec phyphox', name_en: 'Phone with phyphox' }),
  kind('plug', { category: 'home', blurb_fr: 'Une prise à coller', search: ['zigbee'] }),
];
const keys = (list: Kind[]) => list.map((each) => each.key);

describe('kinds', () => {
  it('are found in both languages, without accents, by every word', () => {
    expect(keys(found(kinds, 'telephone'))).toEqual(['phone']);
    expect(keys(found(kinds, ' PHONE '))).toEqual(['phone']);
    expect(keys(found(kinds, 'arduino esp'))).toEqual(['esp32']);
    expect(keys(found(kinds, 'Zigbée'))).toEqual(['plug']);
    expect(keys(found(kinds, 'esp zigbee'))).toEqual([]);
    expect(keys(found(kinds, ''))).toEqual(['esp32', 'phone', 'plug']);
  });

  it('stand in families, and an empty family is not shown', () => {
    expect(families(kinds)).toEqual(['common', 'boards', 'phones', 'home']);
    expect(keys(ofFamily(kinds, 'common'))).toEqual(['esp32']);
    expect(keys(ofFamily(kinds, 'home'))).toEqual(['plug']);
  });
});
