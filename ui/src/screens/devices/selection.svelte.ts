// The devices that are ticked; another screen may go on with them.
import { SvelteSet } from 'svelte/reactivity';

export const chosen = new SvelteSet<string>();
