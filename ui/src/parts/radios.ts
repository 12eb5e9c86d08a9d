/** Arrow keys inside a group of role=radio (APG): moves focus and chooses. */
export function radioKeys(event: KeyboardEvent, choose: (index: number) => void): void {
  const steps: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
  const step = steps[event.key];
  const group = event.currentTarget as HTMLElement;
  const radios = [...group.querySelectorAll<HTMLElement>('[role=radio]')];
  const at = radios.indexOf(document.activeElement as HTMLElement);
  if (step === undefined || at < 0) return;
  event.preventDefault();
  const next = (at + step + radios.length) % radios.length;
  choose(next);
  radios[next]?.focus();
}
