import { describe, expect, it } from 'vitest';
import { highlighted } from './highlight';

const whole = (text: string, syntax: string, blanks: string[] = []) => highlighted(text, syntax, blanks).map((piece) => piece.text).join('');

describe('the highlighter', () => {
  it('gives back every character, in every syntax', () => {
    const text = '#include <WiFi.h>\n// "quoted" </span>\nchar* a = "x\\"y"; int b = 0x1F; # no\n[part]\nkey=value\n\'open';
    for (const syntax of ['cpp', 'python', 'javascript', 'sh', 'yaml', 'toml', 'xml', 'html', 'json', 'ini', 'text', 'pem', '__proto__', 'constructor']) {
      expect(whole(text, syntax, ['x', 'value']), syntax).toBe(text);
    }
  });

  it('knows comments, strings, keywords and numbers', () => {
    const kinds = highlighted('#include <a.h>\nint a = 12; // "no"\n', 'cpp', []).filter((piece) => piece.kind);
    expect(kinds).toEqual([{ text: '#include', kind: 'k' }, { text: 'int', kind: 'k' }, { text: '12', kind: 'n' }, { text: '// "no"', kind: 'c' }]);
  });

  it('marks what is to be filled in, inside a string and more than once', () => {
    const pieces = highlighted('a = "fill me"; b = "fill me"', 'cpp', ['fill me']);
    expect(pieces.filter((piece) => piece.kind === 'here')).toHaveLength(2);
    expect(pieces.map((piece) => piece.text).join('')).toBe('a = "fill me"; b = "fill me"');
  });

  it('is not confused by an empty blank', () => {
    expect(whole('text', 'text', [''])).toBe('text');
  });

  it('reads a long file that closes nothing without hanging', () => {
    const began = performance.now();
    expect(whole(`"${'\\'.repeat(50_000)}`, 'cpp')).toHaveLength(50_001);
    expect(performance.now() - began).toBeLessThan(1000);
  });
});
