// The one way to the daemon: the same requests in a browser and in the desktop window.
import type { Code, Commands, LiveView, Problem } from './generated/wire';
import { desktop, saveExportNatively, saveNatively } from './tauri';

/** A refusal with the code that chooses its words. */
export class Refused extends Error {
  constructor(readonly code: Code, readonly field: string | null, readonly offer: string | null, message: string) {
    super(message);
  }
}

/** No session: the page must be opened by a new one-time address. */
export class SignedOut extends Error {}

/** The daemon does not answer. */
export class Unreachable extends Error {}

/** A file that could not be written where the user wanted it. */
export class NotSaved extends Error {}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, cache: 'no-store', credentials: 'same-origin' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Unreachable(String(error));
  }
  if (answer.ok) return answer;
  if (answer.status === 401) throw new SignedOut();
  if (answer.status === 502 || answer.status === 504) throw new Unreachable(`${answer.status}`);
  const problem = (await answer.json().catch(() => undefined)) as Problem | undefined;
  if (!problem?.code) throw new Error(`${answer.status} ${path}`);
  throw new Refused(problem.code, problem.field, problem.offer, problem.message);
}

function post(body: unknown, signal?: AbortSignal): RequestInit {
  const init: RequestInit = { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
  return signal ? { ...init, signal } : init;
}

export const client = {
  can: { nativeDialogs: desktop() },

  async call<C extends keyof Commands>(command: C, request: Commands[C]['request'], signal?: AbortSignal): Promise<Commands[C]['answer']> {
    const answer = await ask(`/api/${command}`, post(request, signal));
    return (await answer.json()) as Commands[C]['answer'];
  },

  /** One binary frame: answered when something in the view changed. */
  async live(view: LiveView, signal: AbortSignal): Promise<ArrayBuffer> {
    return (await ask('/api/live', post(view, signal))).arrayBuffer();
  },

  /** Burns the one-time code of the address; true if it opened a session. */
  async open(code: string): Promise<boolean> {
    try {
      await ask('/door/open', post({ code }));
      return true;
    } catch (error) {
      if (error instanceof SignedOut) return false;
      throw error;
    }
  },

  /** An export that is done: a native dialog in the window, else the browser's own download, which holds nothing in memory. */
  async saveExport(id: number, name: string): Promise<boolean> {
    if (client.can.nativeDialogs) {
      return saveExportNatively(id, name).catch((error: unknown) => {
        throw new NotSaved(String(error));
      });
    }
    const link = document.createElement('a');
    link.href = `/files/export/${id}`;
    link.download = name;
    link.click();
    return true;
  },

  /** The authority's certificate, public. */
  async authority(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await (await ask('/ca.pem', {})).arrayBuffer());
  },

  /** A native dialog in the window, a download in a browser; false if the dialog was closed. */
  async saveFile(name: string, contents: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (client.can.nativeDialogs) {
      return saveNatively(name, base64(contents)).catch((error: unknown) => {
        throw new NotSaved(String(error));
      });
    }
    const url = URL.createObjectURL(new Blob([contents]));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    return true;
  },
};

export function base64(contents: Uint8Array): string {
  let text = '';
  for (let at = 0; at < contents.length; at += 0x8000) text += String.fromCharCode(...contents.subarray(at, at + 0x8000));
  return btoa(text);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) out[at] = raw.charCodeAt(at);
  return out;
}
