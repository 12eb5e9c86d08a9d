import { expect, it } from 'vitest';
import { slug } from './slug';
import { isId } from './wizard/id';

it('a name becomes the first level of topics as the daemon makes it', () => {
  expect(slug('Salle 114')).toBe('salle114');
  expect(slug('Atelier bois')).toBe('atelier-bois');
  expect(slug('Forêt & Cœur')).toBe('foret-coeur');
  expect(slug('***')).toBe('');
  expect(slug('a'.repeat(40))).toHaveLength(23);
});

it('a device is named in lower case, digits and inner dashes, 23 at most', () => {
  for (const good of ['a', '7', 'serre-04', 'a'.repeat(23)]) expect(isId(good), good).toBe(true);
  for (const bad of ['', '-a', 'a-', 'Serre', 'sérre', 'a b', 'a/b', 'a+', '#', 'a'.repeat(24), 'a\n']) expect(isId(bad), bad).toBe(false);
});
