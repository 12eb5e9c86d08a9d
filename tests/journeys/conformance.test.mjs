// The exam of MQTT 5.0 and 3.1.1 against a real `courtierd lab`, over every door; in the long form
// Debian's Mosquitto sits the same exam, and must fail some of it: an exam that nobody fails asks
// nothing.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { BIN, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';

const EXAM = path.join(BIN, 'conformance');

async function certificate(folder) {
  const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-keyout', key, '-out', cert]);
  assert.equal(made.code, 0, made.stderr);
  return { cert, key };
}

const addresses = ([tcp, tls, ws, wss]) => ['--tcp', tcp, '--tls', tls, '--ws', ws, '--wss', wss].map((each) => (typeof each === 'number' ? `127.0.0.1:${each}` : each));

test('MQTT 5.0 and 3.1.1, statement by statement, over TCP, TLS, WebSocket and secure WebSocket', { timeout: 240_000 }, async (t) => {
  const { cert, key } = await certificate(scratch(t));
  const ports = await freePorts(4);
  const lab = new Program(path.join(BIN, 'courtierd'), ['lab', '--port', ports[0], '--tls-port', ports[1], '--ws-port', ports[2], '--wss-port', ports[3], '--cert', cert, '--key', key].map(String));
  t.after(() => lab.stop());
  await lab.line((line) => line.includes(`wss://127.0.0.1:${ports[3]}`));
  const exam = await run(EXAM, [...addresses(ports), '--scram', 'lab:lab', '--uncovered'], { deadline: 200_000 });
  assert.equal(exam.code, 0, exam.stdout.split('\n').filter((line) => line.startsWith('FAILED')).slice(0, 40).join('\n') + exam.stderr);
  t.diagnostic(exam.stdout);
});

test('Mosquitto, the control, sits the same exam', { timeout: 400_000, skip: !process.env.COURTIER_LONG && 'only in the long form' }, async (t) => {
  const folder = scratch(t);
  const { cert, key } = await certificate(folder);
  const ports = await freePorts(4);
  const secured = `certfile ${cert}\nkeyfile ${key}\n`;
  const config = path.join(folder, 'mosquitto.conf');
  fs.writeFileSync(config, `allow_anonymous true\nuser root\nmax_queued_messages 100000\nlistener ${ports[0]} 127.0.0.1\nlistener ${ports[1]} 127.0.0.1\n${secured}`
    + `listener ${ports[2]} 127.0.0.1\nprotocol websockets\nlistener ${ports[3]} 127.0.0.1\nprotocol websockets\n${secured}`);
  const mosquitto = new Program('/usr/sbin/mosquitto', ['-c', config]);
  t.after(() => mosquitto.stop());
  await until(async () => (await run(EXAM, ['--tcp', `127.0.0.1:${ports[0]}`, '--only', 'PINGREQ is answered'])).code === 0, 'Mosquitto answers');
  const exam = await run(EXAM, addresses(ports), { deadline: 380_000 });
  assert.equal(exam.code, 1, 'Mosquitto 2.0 is known to fail some of it');
  t.diagnostic(exam.stdout.split('\n').filter((line) => !/^FAILED (Tls|Ws|Wss)/.test(line)).join('\n'));
});
