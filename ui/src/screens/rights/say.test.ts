import { describe, expect, it } from 'vitest';
import { has } from '../../words.svelte';
import { cellWord, consequences, spoken } from './say';

describe('a cell of the grid', () => {
  it('has a word for every pair of reaches', () => {
    const reaches = ['nothing', 'own', 'part', 'all'] as const;
    for (const writes of reaches) {
      for (const reads of reaches) {
        const word = cellWord({ writes, reads });
        expect(has(word.key), word.key).toBe(true);
        expect(word.tone === 'no', `${writes} ${reads}`).toBe(writes === 'nothing' && reads === 'nothing');
      }
    }
    expect(cellWord({ writes: 'own', reads: 'own' }).key).toBe('rights_cell_own');
    expect(cellWord({ writes: 'all', reads: 'all' }).key).toBe('rights_cell_all');
  });
});

describe('a sentence', () => {
  it('is read as it stands', () => {
    const text = spoken({ number: 4, subject: { kind: 'group', name: 'serre' }, verb: 'reads', object: { kind: 'filter', name: 'meteo/#' }, until_ms: null });
    expect(text).toMatch(/serre .*meteo\/#\.$/);
  });
});

describe('what a change means', () => {
  it('tells losses before gains', () => {
    const lines = consequences([{ device: 'a', gains: [{ action: 'publish', filter: 'x' }], losses: [{ action: 'subscribe', filter: 'y' }] }]);
    expect(lines.map(({ loss }) => loss)).toEqual([true, false]);
  });
});
