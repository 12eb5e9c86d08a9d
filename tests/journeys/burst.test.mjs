// A burst of stock clients: 50 gateways empty their store at once, QoS 1, into one subscriber. Of what
// was acknowledged nothing may be lost. In the long form Mosquitto shows what it loses.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { BIN, Program, freePorts, run, scratch } from '../harness/processes.mjs';

const [PUBLISHERS, EACH] = [50, 100];

/** How many distinct messages arrived of those that 50 publishers were told are safe. */
async function burst(t, port) {
  const sub = new Program('stdbuf', ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', 'burst/#', '-F', '%p', '-d']);
  t.after(() => sub.stop());
  await sub.line((line) => line.includes('SUBACK'));
  const lines = (who) => Array.from({ length: EACH }, (_, n) => `${who}-${n}`).join('\n');
  // mosquitto_pub ends well only when its last PUBACK came.
  const pubs = await Promise.all(Array.from({ length: PUBLISHERS }, (_, who) => run('mosquitto_pub',
    ['-h', '127.0.0.1', '-p', String(port), '-q', '1', '-l', '-t', `burst/${who}`], { input: `${lines(who)}\n`, deadline: 60_000 })));
  for (const pub of pubs) assert.equal(pub.code, 0, pub.stderr);
  // What comes behind all of them shows that nothing is on its way any more.
  const end = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', 'burst/end', '-m', 'end']);
  assert.equal(end.code, 0, end.stderr);
  await sub.line((line) => line === 'end');
  return new Set(sub.lines.filter((line) => /^\d+-\d+$/.test(line))).size;
}

test('50 publishers burst into one subscriber and nothing acknowledged is lost', { timeout: 120_000 }, async (t) => {
  const ports = await freePorts(2);
  const lab = new Program(path.join(BIN, 'courtierd'), ['lab', '--port', ports[0], '--ws-port', ports[1], '--data', scratch(t)].map(String));
  t.after(() => lab.stop());
  await lab.line((line) => line.includes(`mqtt://127.0.0.1:${ports[0]}`));
  assert.equal(await burst(t, ports[0]), PUBLISHERS * EACH);
});

test('Mosquitto, the control, in the same burst', { timeout: 120_000, skip: !process.env.COURTIER_LONG && 'only in the long form' }, async (t) => {
  const [port] = await freePorts(1);
  const config = path.join(scratch(t), 'mosquitto.conf');
  fs.writeFileSync(config, `allow_anonymous true\nlistener ${port} 127.0.0.1\n`);
  const mosquitto = new Program('/usr/sbin/mosquitto', ['-v', '-c', config]);
  t.after(() => mosquitto.stop());
  await mosquitto.line((line) => line.includes('running'));
  t.diagnostic(`${await burst(t, port)} of ${PUBLISHERS * EACH} arrived`);
});
