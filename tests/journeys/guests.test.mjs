// Guests as they come: by plain MQTT with mosquitto's clients, and by a post of JSON with curl.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { freePorts, run, until } from '../harness/processes.mjs';

test('guests write on the plain port alone, and phones post', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const [plain] = await freePorts(1);
  await daemon.call('guests_switch', { open: true, port: plain });
  const status = await daemon.call('site_status');
  const guest = await daemon.call('device_create', { id: 'lea', group: 'guests', kind: 'other', language: 'fr' });
  const { ca } = await daemon.device(t, 'serre-04');
  const publish = (port, topic, more = []) => run('mosquitto_pub', ['-V', '5', '-h', '127.0.0.1', '-p', String(port), '-u', 'lea', '-P', guest.password,
    '-i', 'lea', '-q', '1', '-t', topic, '-m', '1', ...more]);
  assert.equal((await publish(plain, 'salle114/guests/lea/x')).code, 0);
  const elsewhere = await publish(plain, 'salle114/groupe-a/serre-04/x');
  assert.match(elsewhere.stdout + elsewhere.stderr, /not authori[sz]ed/i);
  assert.notEqual((await publish(status.ports.mqtts, 'salle114/guests/lea/x', ['--cafile', ca])).code, 0, 'never on the TLS port');
  const listening = await run('mosquitto_sub', ['-V', '5', '-h', '127.0.0.1', '-p', String(plain), '-u', 'lea', '-P', guest.password, '-t', 'salle114/guests/lea/#', '-W', '2', '-E']);
  assert.match(listening.stdout + listening.stderr, /not authori[sz]ed|denied/i);

  const curl = async (body, url = guest.ingest_url, type = 'application/json; utf-8') => {
    const answer = await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '10', '-H', `Content-Type: ${type}`, '--data-binary', '@-', url], { input: body });
    return Number(answer.stdout);
  };
  await until(async () => (await curl('{"accX":1}')) === 204, 'the plain HTTP door is open');
  assert.equal(await curl('{"accX":2,"accY":[1,2,null]}', guest.ingest_url, 'application/json'), 204);
  const [newest] = await daemon.records('salle114/guests/lea/measures', 2);
  assert.ok(newest);
  assert.equal(await curl('{"accX":'), 400);
  assert.equal(await curl(`"${'x'.repeat(80_000)}"`), 413);
  assert.equal(await curl(`"${'x'.repeat(300_000)}"`), 413);
  assert.equal(await curl('{}', guest.ingest_url.replace(/\/in\/.*/, '/in/0123456789ABCDEF')), 404);
  const flood = await Promise.all(Array.from({ length: 300 }, async () => {
    const answer = await fetch(guest.ingest_url, { method: 'POST', body: '{"accX":3}' });
    await answer.arrayBuffer();
    return answer.status;
  }));
  assert.ok(flood.includes(204) && flood.includes(429), `${flood}`);
  await daemon.call('guests_switch', { open: false, port: null });
  assert.equal(await curl('{}'), 404);
  assert.equal((await run('curl', ['-s', guest.ingest_url.replace(/\/in\/.*/, '/privacy')])).stdout.includes('pseudonym'), true);
});
