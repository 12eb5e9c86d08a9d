// Devices fetch their own credentials with nothing but stock tools: curl, openssl, mosquitto.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { Daemon, Refused } from '../harness/daemon.mjs';
import { run, scratch, until } from '../harness/processes.mjs';

/** A board with a folder of its own, and the commands that a person would type there. */
class Board {
  constructor(t, daemon, status) {
    this.folder = scratch(t, 'board-');
    this.status = status;
    this.daemon = daemon;
  }

  file(name) {
    return path.join(this.folder, name);
  }

  async trust() {
    fs.writeFileSync(this.file('ca.pem'), (await this.daemon.request('GET', '/ca.pem')).body);
    return this;
  }

  /** curl, with what is secret on its standard input and never among its arguments. */
  async curl(url, { config = '', args = [] } = {}) {
    const done = await run('curl', ['-sS', '--cacert', this.file('ca.pem'), '-K', '-', '-o', this.file('answer'), '-w', '%{http_code}', ...args, url],
      { input: config, cwd: this.folder });
    return { code: done.code, status: Number(done.stdout), error: done.stderr, body: () => fs.readFileSync(this.file('answer'), 'utf8') };
  }

  json(url, body, more = []) {
    fs.writeFileSync(this.file('body.json'), JSON.stringify(body));
    return this.curl(url, { args: [...(more.some((arg) => arg.startsWith('Content-Type')) ? [] : ['-H', 'Content-Type: application/json']), '--data-binary', '@body.json', ...more] });
  }

  est(url, { user, csr = 'dev.p10', args = [] } = {}) {
    const config = user ? `user = "${user}"\n` : '';
    return this.curl(url, { config, args: ['-H', 'Content-Type: application/pkcs10', '-H', 'Content-Transfer-Encoding: base64', '--data-binary', `@${csr}`, ...args] });
  }

  async sh(script) {
    const done = await run('sh', ['-ec', script], { cwd: this.folder });
    assert.equal(done.code, 0, `${script}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  /** A key of its own, and a request that asks for far more than it will get. */
  async request(name = 'dev') {
    await this.sh(`openssl ecparam -name prime256v1 -genkey -noout -out ${name}.key
      openssl req -new -key ${name}.key -subj /CN=admin -addext subjectAltName=DNS:evil.example -addext basicConstraints=critical,CA:TRUE -out ${name}.csr
      openssl req -in ${name}.csr -outform DER | base64 > ${name}.p10`);
    return this;
  }

  publish(topic, { certificate = 'dev' } = {}) {
    return run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(this.status.ports.mtls), '--cafile', 'ca.pem', '--cert', `${certificate}.crt`, '--key', `${certificate}.key`,
      '-i', 'serre-04', '-q', '1', '-t', topic, '-m', '{"temperature": 20}'], { cwd: this.folder });
  }
}

async function room(t) {
  const daemon = await Daemon.start(t);
  const status = await daemon.startSite();
  const board = await new Board(t, daemon, status).trust();
  return { daemon, status, board };
}

const tokenOf = (handed) => handed.claim.url.split('#')[1];

/** A plain GET on the door of the room that needs no trust. */
function get(port, url) {
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path: url }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, type: answer.headers['content-type'], body: Buffer.concat(parts) }));
    }).on('error', reject);
  });
}

test('EST: a token works once, the certificate logs in, is revoked, and is out within a second', { timeout: 120_000 }, async (t) => {
  const { daemon, status, board } = await room(t);
  const handed = await daemon.device(t, 'serre-04', 'other', 'groupe-b');
  const user = `serre-04:${tokenOf(handed)}`;
  const { url, until_ms: closes } = await daemon.call('enrolment_open', { join_group: null });
  const left = (closes - Date.now()) / 1000;
  assert.ok(left > 590 && left <= 600, `${left} s`);
  const est = `${url}/.well-known/est`;

  const list = await board.curl(`${est}/cacerts`);
  assert.equal(list.status, 200, list.error);
  const authority = await board.sh('base64 -d < answer | openssl pkcs7 -inform DER -print_certs | openssl x509');
  assert.equal(authority.trim(), fs.readFileSync(board.file('ca.pem'), 'utf8').trim());

  await board.request();
  assert.equal((await board.est(`${est}/simpleenroll`)).status, 401, 'nobody without a token');
  assert.equal((await board.est(`${est}/simpleenroll`, { user: `serre-05:${tokenOf(handed)}` })).status, 401, 'the token of another device');
  fs.writeFileSync(board.file('bad.p10'), 'bm90IGEgcmVxdWVzdA==\n');
  assert.equal((await board.est(`${est}/simpleenroll`, { user, csr: 'bad.p10' })).status, 400, 'what is no request burns nothing');
  const first = await board.est(`${est}/simpleenroll`, { user });
  assert.equal(first.status, 200, first.error + first.body());
  await board.sh('base64 -d < answer | openssl pkcs7 -inform DER -print_certs | openssl x509 > dev.crt');
  const text = await board.sh('openssl verify -x509_strict -purpose sslclient -CAfile ca.pem dev.crt && openssl x509 -in dev.crt -noout -subject -serial -dates -ext basicConstraints,extendedKeyUsage');
  assert.match(text, /subject=CN = serre-04\n/);
  assert.ok(!/evil|admin|CA:TRUE/.test(text), text);
  const second = await board.est(`${est}/simpleenroll`, { user });
  assert.equal(second.status, 401, 'a token works once');

  const published = await board.publish('salle114/groupe-b/serre-04/measures');
  assert.equal(published.code, 0, published.stderr);
  assert.equal((await daemon.records('salle114/groupe-b/serre-04/measures')).length, 1);
  const none = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(status.ports.mtls), '--cafile', board.file('ca.pem'), '-u', 'serre-04', '-P', handed.password, '-t', 'a', '-m', 'x']);
  assert.notEqual(none.code, 0, 'the door for certificates takes no password');

  // Its successor, by the certificate that it has.
  await board.request('next');
  assert.equal((await board.est(`${est}/simplereenroll`, { csr: 'next.p10' })).status, 401);
  const renewed = await board.est(`${est}/simplereenroll`, { csr: 'next.p10', args: ['--cert', 'dev.crt', '--key', 'dev.key'] });
  assert.equal(renewed.status, 200, renewed.error);
  await board.sh('base64 -d < answer | openssl pkcs7 -inform DER -print_certs | openssl x509 > next.crt');
  assert.equal((await board.publish('salle114/groupe-b/serre-04/measures', { certificate: 'next' })).code, 0);

  // A live session that is also durable.
  const connect = () => mqtt.connect({ protocol: 'mqtts', host: '127.0.0.1', port: status.ports.mtls, protocolVersion: 5, clientId: 'serre-04', clean: false,
    properties: { sessionExpiryInterval: 3600 }, reconnectPeriod: 0, ca: fs.readFileSync(board.file('ca.pem')), cert: fs.readFileSync(board.file('dev.crt')), key: fs.readFileSync(board.file('dev.key')) });
  const client = connect();
  client.on('error', () => {});
  await once(client, 'connect');
  await client.subscribeAsync('salle114/groupe-b/serre-04/commands/#', { qos: 1 });
  const closed = once(client, 'close');
  const began = performance.now();
  await daemon.call('device_revoke', { id: 'serre-04' });
  await closed;
  const took = performance.now() - began;
  assert.ok(took <= 1000, `out after ${took} ms`);
  t.diagnostic(`revoked and out after ${took.toFixed(0)} ms`);
  assert.ok(!(await daemon.call('client_list')).some((client) => client.client_id === 'serre-04'), 'its durable session is gone too');
  for (const certificate of ['dev', 'next']) {
    assert.notEqual((await board.publish('salle114/groupe-b/serre-04/measures', { certificate })).code, 0, `${certificate} is refused`);
  }
  const again = connect();
  const [error] = await once(again, 'error');
  assert.match(String(error), /revoked/i);
  again.end(true);

  const crl = await get(status.ports.claim, '/ca.crl');
  assert.deepEqual([crl.status, crl.type], [200, 'application/pkix-crl']);
  fs.writeFileSync(board.file('ca.crl'), crl.body);
  const listed = await board.sh('openssl crl -inform DER -in ca.crl -CAfile ca.pem -noout -text 2>&1');
  assert.match(listed, /verify OK/);
  for (const name of ['dev', 'next']) {
    const serial = (await board.sh(`openssl x509 -in ${name}.crt -noout -serial`)).trim().split('=')[1];
    assert.ok(listed.includes(serial), `${name} ${serial} is in the list`);
  }
  assert.notEqual((await board.est(`${est}/simplereenroll`, { csr: 'next.p10', args: ['--cert', 'dev.crt', '--key', 'dev.key'] })).status, 200);

  await daemon.call('enrolment_close');
  await until(async () => (await board.curl(`${est}/cacerts`)).code === 7, 'the door closes');
  assert.equal((await daemon.call('site_status')).enrolment_until_ms, null);
});

test('enroll: JSON for a token, with a password or a certificate, from the right host only', { timeout: 120_000 }, async (t) => {
  const { daemon, status, board } = await room(t);
  const handed = await daemon.device(t, 'serre-04', 'other', 'groupe-b');
  const token = tokenOf(handed);
  const { url } = await daemon.call('enrolment_open', { join_group: null });
  const port = new URL(url).port;

  for (const [args, expected] of [
    [['-H', 'Host: evil.example'], 421],
    [['-H', `Host: 127.0.0.1.nip.io:${port}`], 421],
    [['-H', `Host: 127.0.0.1:${Number(port) + 1}`], 421],
    [['-H', 'Host:'], 421],
    [['-H', 'Origin: https://evil.example'], 403],
    [['-H', 'Origin: null'], 403],
    [['-H', 'Content-Type: text/plain'], 400],
  ]) {
    assert.equal((await board.json(`${url}/d/enroll`, { token }, args)).status, expected, args.join(' '));
  }
  assert.equal((await board.curl(`${url}/api/site_status`)).status, 404, 'no command behind this door');
  assert.equal((await board.curl(`${url}/`)).status, 404, 'and no page');

  // As a board writes it: small letters and dashes are forgiven.
  const first = await board.json(`${url}/d/enroll`, { token: token.toLowerCase() });
  assert.equal(first.status, 200, first.error + first.body());
  const card = JSON.parse(first.body());
  assert.deepEqual(Object.keys(card).sort(), ['ca', 'ca_sha256', 'host', 'hosts', 'id', 'password', 'port', 'time', 'topic', 'user', 'v']);
  assert.deepEqual([card.v, card.id, card.host, card.hosts, card.port, card.topic], [1, 'serre-04', '127.0.0.1', ['127.0.0.1', 'salle114.local'], status.ports.mqtts, 'salle114/groupe-b/serre-04/measures']);
  assert.equal((await board.sh('openssl x509 -in ca.pem -outform DER | sha256sum')).split(' ')[0], card.ca_sha256);
  assert.ok(Math.abs(card.time - Date.now() / 1000) < 30);
  const pub = await run('mosquitto_pub', ['-h', card.host, '-p', String(card.port), '--cafile', board.file('ca.pem'), '-u', card.user, '-P', card.password, '-i', card.id, '-q', '1', '-t', card.topic, '-m', '1']);
  assert.equal(pub.code, 0, pub.stderr);
  assert.equal((await board.json(`${url}/api/v1/enroll`, { token })).status, 401, 'a token works once');

  // The same token opens the phone's page or this door, never both.
  const other = tokenOf(await daemon.device(t, 'serre-05', 'other', 'groupe-b'));
  await board.request();
  const csr = fs.readFileSync(board.file('dev.csr'), 'utf8');
  const certified = await board.json(`${url}/api/v1/enroll`, { token: other, csr });
  assert.equal(certified.status, 200, certified.error + certified.body());
  const answer = JSON.parse(certified.body());
  assert.ok(answer.cert && !('password' in answer));
  assert.equal(answer.port, status.ports.mtls);
  fs.writeFileSync(board.file('dev.crt'), answer.cert);
  const mutual = await board.publish('salle114/groupe-b/serre-05/measures');
  assert.equal(mutual.code, 0, mutual.stderr);

  // And who only keeps guessing is told to wait.
  let last;
  for (let guess = 0; guess < 12; guess += 1) last = await board.json(`${url}/d/enroll`, { token: 'K7QH2M9DXW4TPB8R0123456789' });
  assert.equal(last.status, 429);
});

test('a class joins by six digits, and the code dies of guesses', { timeout: 120_000 }, async (t) => {
  const { daemon, status, board } = await room(t);
  await assert.rejects(daemon.call('enrolment_open', { join_group: 'guests' }), (error) => error instanceof Refused && error.problem.code === 'group_invalid');
  const { url, join } = await daemon.call('enrolment_open', { join_group: 'groupe-c' });
  assert.match(join.code, /^\d{6}$/);

  const named = await board.json(`${url}/d/enroll`, { code: join.code, name: 'lampe' });
  assert.equal(named.status, 200, named.error + named.body());
  const lamp = JSON.parse(named.body());
  assert.equal(lamp.topic, 'salle114/groupe-c/lampe/measures');
  const second = JSON.parse((await board.json(`${url}/d/enroll`, { code: join.code })).body());
  const third = JSON.parse((await board.json(`${url}/d/enroll`, { code: join.code })).body());
  assert.deepEqual([second.id, third.id], ['groupe-c-01', 'groupe-c-02']);
  const taken = await board.json(`${url}/d/enroll`, { code: join.code, name: 'lampe' });
  assert.equal(taken.status, 409);
  assert.equal(JSON.parse(taken.body()).offer, 'lampe-2');
  assert.equal((await board.json(`${url}/d/enroll`, { code: join.code, name: '../x' })).status, 422);

  // It writes its own branch and nothing else.
  const publish = (topic) => run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(status.ports.mqtts), '--cafile', board.file('ca.pem'), '-V', '5', '-u', 'lampe', '-P', lamp.password, '-i', 'lampe', '-q', '1', '-t', topic, '-m', '1']);
  assert.equal((await publish('salle114/groupe-c/lampe/measures')).code, 0);
  const denied = await publish('salle114/groupe-c/groupe-c-01/measures');
  assert.match(denied.stdout + denied.stderr, /not authorized/i);

  const shown = await daemon.call('enrolment_status');
  assert.deepEqual([shown.join.joined, shown.join.tries_left], [3, 20]);
  // Guesses from three addresses: each alone would be told to wait.
  const wrong = join.code === '000000' ? '000001' : '000000';
  for (let guess = 0; guess < 20; guess += 1) {
    const answer = await board.json(`${url}/d/enroll`, { code: wrong }, ['--interface', `127.0.0.${2 + (guess % 3)}`]);
    assert.equal(answer.status, 401, `guess ${guess}`);
  }
  assert.equal((await daemon.call('enrolment_status')).join, null, 'the code is dead');
  assert.equal((await board.json(`${url}/d/enroll`, { code: join.code })).status, 401);
  assert.equal((await daemon.call('device_list')).length, 3);
});
