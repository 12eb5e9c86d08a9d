// The only file that knows the desktop window.
interface Internals {
  invoke(command: string, values: Record<string, unknown>): Promise<unknown>;
}

function internals(): Internals | undefined {
  return (globalThis as { __TAURI_INTERNALS__?: Internals }).__TAURI_INTERNALS__;
}

export function desktop(): boolean {
  return internals() !== undefined;
}

/** Asks where to; false when the user closes the dialog. */
export async function saveNatively(name: string, base64: string): Promise<boolean> {
  return (await internals()?.invoke('save_file', { name, base64 })) === true;
}

/** The same for an export: the window fetches it from the daemon itself, piece by piece. */
export async function saveExportNatively(id: number, name: string): Promise<boolean> {
  return (await internals()?.invoke('save_export', { id, name })) === true;
}
