// Rights in words: a sentence, a cell of the grid, what a change means.
import type { RightsCell, RightsDifference, RightsObject, RightsSentence, RightsSubject, RightsVerb } from '../../api/generated/wire';
import { t, type Key } from '../../words.svelte';

export const VERBS: readonly RightsVerb[] = ['writes', 'reads', 'writes_and_reads', 'must_not'];

const nameOf = (part: RightsSubject | RightsObject) => ('name' in part ? part.name : '');

export function subjectWords(subject: RightsSubject): string {
  return t(`rights_subject_${subject.kind}`, { name: nameOf(subject) });
}

export function verbWords(verb: RightsVerb): string {
  return t(`rights_verb_${verb}`);
}

export function objectWords(object: RightsObject): string {
  return object.kind === 'filter' ? t('rights_object_filter_named', { name: object.name }) : t(`rights_object_${object.kind}`, { name: nameOf(object) });
}

export function spoken(sentence: RightsSentence): string {
  return t('rights_say', { subject: subjectWords(sentence.subject), verb: verbWords(sentence.verb), object: objectWords(sentence.object) });
}

export interface CellWord {
  key: Key;
  tone: 'rw' | 'r' | 'no';
}

/** The word of a cell; its icon follows its tone. */
export function cellWord({ writes, reads }: Pick<RightsCell, 'writes' | 'reads'>): CellWord {
  if (writes === 'all') return { key: reads === 'all' ? 'rights_cell_all' : 'rights_cell_writes', tone: 'rw' };
  if (writes === 'part' || reads === 'part') return { key: 'rights_cell_part', tone: writes === 'nothing' ? 'r' : 'rw' };
  if (writes === 'own') return { key: reads === 'all' ? 'rights_cell_own_reads' : 'rights_cell_own', tone: 'rw' };
  if (reads === 'all') return { key: 'rights_cell_reads', tone: 'r' };
  if (reads === 'own') return { key: 'rights_cell_reads_own', tone: 'r' };
  return { key: 'rights_cell_nothing', tone: 'no' };
}

/** What a change means, one line each, losses first. */
export function consequences(differences: readonly RightsDifference[]): { key: string; text: string; loss: boolean }[] {
  const lines = differences.flatMap(({ device, gains, losses }) => [
    ...losses.map(({ action, filter }) => ({ key: `-${device} ${action} ${filter}`, text: t(`rights_losses_${action}`, { device, topic: filter }), loss: true })),
    ...gains.map(({ action, filter }) => ({ key: `+${device} ${action} ${filter}`, text: t(`rights_gains_${action}`, { device, topic: filter }), loss: false })),
  ]);
  return lines.sort((a, b) => Number(b.loss) - Number(a.loss));
}
