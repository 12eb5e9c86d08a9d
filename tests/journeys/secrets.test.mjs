// Secrets are where they belong and nowhere else, and no two installs have one in common.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Daemon } from '../harness/daemon.mjs';
import { run, scratch } from '../harness/processes.mjs';

/** Every file of a folder with its bytes. */
function files(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .map((file) => [path.relative(folder, file), fs.readFileSync(file)]);
}

/** Words that look as if somebody had rolled dice for them. Certificates are public, name the same
 * computer, and are compared by key and serial. */
function random(bytes) {
  const text = bytes.toString('latin1').replace(/-----BEGIN CERTIFICATE-----[^-]*/g, '').replace(/salle114[a-z0-9/-]*/g, ' ');
  const words = text.match(/[A-Za-z0-9+/=_-]{16,}/g) ?? [];
  const digits = (word) => new Set(word.match(/[0-9]/g) ?? []).size;
  return words.filter((word) => (/^[0-9a-f]+$/.test(word) ? new Set(word).size > 6 : digits(word) > 1 && /[a-z]/.test(word) && /[A-Z]/.test(word)));
}

/** Sixteen bytes at every place of a sealed file, behind its readable first line. */
function windows(bytes) {
  const found = new Set();
  for (let at = bytes.indexOf(10) + 1; at + 16 <= bytes.length; at += 1) found.add(bytes.subarray(at, at + 16).toString('hex'));
  return found;
}

const common = (a, b) => [...new Set(a)].filter((word) => new Set(b).has(word));

async function furnished(t) {
  const daemon = await Daemon.start(t);
  const status = await daemon.startSite();
  const handed = [];
  for (const id of ['serre-04', 'serre-05']) handed.push(await daemon.device(t, id));
  const certified = await daemon.call('device_certify', { id: 'serre-05' });
  await daemon.call('simulated_start', { count: 2, group: 'demo' });
  const { join } = await daemon.call('enrolment_open', { join_group: 'groupe-c' });
  return { daemon, status, handed, certified, join };
}

test('two fresh installs share no secret, key, serial or token', { timeout: 120_000 }, async (t) => {
  const one = await furnished(t);
  const two = await furnished(t);
  for (const [a, b] of one.handed.map((handed, at) => [handed, two.handed[at]])) {
    assert.notEqual(a.password, b.password);
    assert.notEqual(a.claim.url.split('#')[1], b.claim.url.split('#')[1]);
  }
  assert.notEqual(one.certified.key_pem, two.certified.key_pem);
  for (const name of ['authority.pem', 'server.pem']) {
    const [a, b] = [one, two].map(({ daemon }) => new X509Certificate(fs.readFileSync(path.join(daemon.data, name))));
    assert.notEqual(a.serialNumber, b.serialNumber, name);
    assert.notEqual(a.publicKey.export({ type: 'spki', format: 'pem' }), b.publicKey.export({ type: 'spki', format: 'pem' }), name);
  }
  for (const { daemon } of [one, two]) await daemon.program.stop();
  const [a, b] = [one, two].map(({ daemon }) => files(daemon.data));
  const [words, others] = [a, b].map((list) => list.flatMap(([, bytes]) => random(bytes)));
  assert.ok(words.length > 20 && others.length > 20, `the search finds hashes and certificates: ${words.length}`);
  assert.deepEqual(common(words, others), []);
  const sealed = (list) => list.filter(([name]) => name.startsWith('secrets')).map(([, bytes]) => windows(bytes));
  assert.ok(sealed(a).length >= 2);
  for (const mine of sealed(a)) {
    for (const theirs of sealed(b)) assert.deepEqual(common(mine, theirs), []);
  }
});

test('secrets are found nowhere but in their store: not in files, logs, arguments, environment', { timeout: 120_000 }, async (t) => {
  process.env.RUST_LOG = 'debug,mdns_sd=off';
  t.after(() => { delete process.env.RUST_LOG; });
  const { daemon, status, handed, certified, join } = await furnished(t);
  const ca = handed[0].ca;
  const publish = (user, password) => run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(status.ports.mqtts), '--cafile', ca, '-u', user, '-P', password, '-i', user, '-q', '1', '-t', `salle114/groupe-a/${user}/measures`, '-m', '1']);
  const canaries = {
    'a device’s password': handed[0].password,
    'the other’s': handed[1].password,
    'a wrong password': 'CANARY-WRONG-PASSWORD-1',
    'a claim token': handed[0].claim.url.split('#')[1],
    'a wrong token': 'CANARYT0KEN0000000000000TK',
    'the session of a browser': (await browserSession(daemon)),
    'a key of a device': certified.key_pem.split('\n')[1],
  };
  assert.equal((await publish('serre-04', canaries['a device’s password'])).code, 0);
  assert.notEqual((await publish('serre-04', canaries['a wrong password'])).code, 0);
  const { url } = await daemon.call('enrolment_status');
  const enrol = (body) => run('curl', ['-sS', '--cacert', ca, '-H', 'Content-Type: application/json', '--data-binary', '@-', '-o', '/dev/null', '-w', '%{http_code}', `${url}/d/enroll`], { input: JSON.stringify(body) });
  assert.equal((await enrol({ token: canaries['a wrong token'] })).stdout, '401');
  assert.equal((await enrol({ token: canaries['a claim token'], csr: 'no request' })).stdout, '400');
  assert.equal((await enrol({ token: canaries['a claim token'], surprise: 1 })).stdout, '400');
  assert.equal((await enrol({ code: join.code, name: 'lampe' })).stdout, '200');
  await daemon.request('POST', '/api/device_create', JSON.stringify({ id: canaries['a wrong password'] }), { 'content-type': 'application/json' });
  await daemon.call('device_reissue', { id: 'serre-05' });
  await daemon.call('authority_change_start');
  await daemon.call('authority_change_finish', { leave_behind: true });

  const found = [];
  const look = (where, bytes) => {
    for (const [what, secret] of Object.entries(canaries)) {
      if (bytes.includes(secret)) found.push(`${what} in ${where}`);
    }
    if (bytes.includes('PRIVATE KEY')) found.push(`a private key in ${where}`);
  };
  for (const what of ['cmdline', 'environ']) look(what, fs.readFileSync(`/proc/${daemon.pid}/${what}`));
  const running = files(daemon.data);
  await daemon.program.stop();
  for (const [name, bytes] of [...running, ...files(daemon.data)]) look(name, bytes);
  // The one line that says where the interface is has its one-time code, which is burnt by now.
  const lines = daemon.program.lines.filter((line) => !line.startsWith('{"open"'));
  assert.ok(lines.length > 20, `the log is talkative: ${lines.length} lines`);
  look('the log', Buffer.from(lines.join('\n')));
  assert.ok(running.length >= 6);
  assert.deepEqual([...new Set(found)], []);
  // The search itself works: the store does hold them, sealed.
  assert.ok(running.some(([name]) => name.startsWith('secrets')));
});

/** The cookie that the one-time code of the start buys. */
async function browserSession(daemon) {
  const open = new URL(daemon.open);
  const answer = await fetch(new URL('/door/open', open), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code: open.hash.split('code=')[1] }) });
  assert.equal(answer.status, 204);
  return answer.headers.get('set-cookie').split(';')[0].split('=')[1];
}

test('the page that makes a phone trust the site says what that means, in both languages', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  await daemon.startSite();
  const authority = await daemon.call('authority_status');
  for (const [language, words, warning] of [['fr-FR', 'words_fr', /Réfléchissez avant/], ['en-GB', 'words_en', /Think before/]]) {
    const page = (await daemon.request('GET', '/ca', undefined, { 'accept-language': language })).body.toString();
    assert.match(page, warning);
    assert.ok(page.includes(authority.current[words].join(' · ')), page);
    assert.ok(page.replaceAll(' ', '').includes(authority.current.cert_sha256));
  }
  const folder = scratch(t);
  fs.writeFileSync(path.join(folder, 'ca.der'), (await daemon.request('GET', '/ca.der')).body);
  const printed = await run('sha256sum', [path.join(folder, 'ca.der')]);
  assert.equal(printed.stdout.split(' ')[0], authority.current.cert_sha256);
});
