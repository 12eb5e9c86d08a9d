import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { base64, client, fromBase64, Refused, SignedOut, Unreachable } from './client';

const fetched = vi.fn<typeof fetch>();
const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });

beforeEach(() => vi.stubGlobal('fetch', fetched.mockReset()));
afterEach(() => vi.unstubAllGlobals());

describe('a call', () => {
  it('goes to a relative address as JSON text', async () => {
    fetched.mockResolvedValue(answer(200, []));
    await client.call('event_list', { since: 0, wait_ms: 10, device: null });
    const [path, init] = fetched.mock.calls[0] ?? [];
    expect(path).toBe('/api/event_list');
    expect(init).toMatchObject({ method: 'POST', body: '{"since":0,"wait_ms":10,"device":null}', credentials: 'same-origin' });
  });

  it('becomes a refusal with its code, field and offer', async () => {
    fetched.mockResolvedValue(answer(409, { code: 'port_taken', message: 'port 8883 is taken', field: 'ports.mqtts', offer: '8884' }));
    const refused = await client.call('site_status', {}).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Refused);
    expect(refused).toMatchObject({ code: 'port_taken', field: 'ports.mqtts', offer: '8884', message: 'port 8883 is taken' });
  });

  it('without a session is told apart from a refusal', async () => {
    fetched.mockResolvedValue(answer(401, { code: 'not_signed_in' }));
    await expect(client.call('site_status', {})).rejects.toBeInstanceOf(SignedOut);
  });

  it('to a daemon that is not there is told apart from a fault', async () => {
    fetched.mockRejectedValueOnce(new TypeError('Load failed'));
    await expect(client.call('site_status', {})).rejects.toBeInstanceOf(Unreachable);
    fetched.mockResolvedValueOnce(new Response('', { status: 502 }));
    await expect(client.call('site_status', {})).rejects.toBeInstanceOf(Unreachable);
  });

  it('that was given up is not a lost daemon', async () => {
    fetched.mockRejectedValue(new DOMException('aborted', 'AbortError'));
    await expect(client.call('site_status', {})).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('whose answer is no problem of ours is a fault', async () => {
    fetched.mockResolvedValue(new Response('<h1>proxy</h1>', { status: 500 }));
    const fault = await client.call('site_status', {}).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(Error);
    expect(fault).not.toBeInstanceOf(Refused);
  });
});

describe('the door', () => {
  it('opens once', async () => {
    fetched.mockResolvedValueOnce(answer(200, {})).mockResolvedValueOnce(answer(401, {}));
    await expect(client.open('code')).resolves.toBe(true);
    await expect(client.open('code')).resolves.toBe(false);
    expect(fetched.mock.calls[0]?.[0]).toBe('/door/open');
  });
});

describe('bytes', () => {
  it('survive base64, also beyond one piece', () => {
    const contents = Uint8Array.from({ length: 0x8000 * 2 + 7 }, (_, at) => (at * 31) % 256);
    expect(fromBase64(base64(contents))).toEqual(contents);
  });
});
