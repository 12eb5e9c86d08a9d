// Mosquitto's bridge, both ways, to a `courtierd lab`: each message arrives once on each side, and
// none goes round.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { BIN, Program, freePorts, run, scratch, until } from '../harness/processes.mjs';

async function labOf(t) {
  const [port, wsPort] = await freePorts(2);
  const lab = new Program(path.join(BIN, 'courtierd'), ['lab', '--port', String(port), '--ws-port', String(wsPort)]);
  t.after(() => lab.stop());
  await lab.line((line) => line.includes(String(port)));
  return port;
}

const publish = async (port, topic, text, ...more) => {
  const pub = await run('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', topic, '-m', text, ...more]);
  assert.equal(pub.code, 0, pub.stderr);
};

/** What a subscriber of everything sees; `-R` leaves out what was retained before. */
async function watcher(t, port) {
  const sub = new Program('stdbuf', ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', '-p', String(port), '-q', '1', '-t', 'x/#', '-F', '%t %p', '-d']);
  t.after(() => sub.stop());
  await sub.line((line) => line.includes('SUBACK'));
  return {
    said: (text) => sub.line((line) => line === text),
    all: () => sub.lines.filter((line) => line.startsWith('x/')),
  };
}

for (const version of ['mqttv311', 'mqttv50']) {
  test(`Mosquitto's bridge of ${version} between two brokers of ours and its own`, { timeout: 90_000 }, async (t) => {
    const [one, two] = [await labOf(t), await labOf(t)];
    const [port] = await freePorts(1);
    const folder = scratch(t);
    const config = path.join(folder, 'mosquitto.conf');
    const bridge = (name, to) => `connection ${name}\naddress 127.0.0.1:${to}\nbridge_protocol_version ${version}\ntopic # both 1\nrestart_timeout 1\n`
      + `remote_clientid ${name}-remote\nlocal_clientid ${name}-local\nnotifications false\n`;
    fs.writeFileSync(config, `allow_anonymous true\nlistener ${port} 127.0.0.1\n${bridge('one', one)}${bridge('two', two)}`);
    const mosquitto = new Program('/usr/sbin/mosquitto', ['-c', config]);
    t.after(() => mosquitto.stop());

    const sides = { one: await watcher(t, one), two: await watcher(t, two) };
    // Both bridges stand when a message passes from one end to the other, either way.
    let n = 0;
    for (const [from, to] of [[one, sides.two], [two, sides.one]]) {
      await until(async () => {
        n += 1;
        await publish(from, 'x/ready', String(n));
        return to.all().length > 0;
      }, 'the bridges stand', 40_000);
    }
    const sent = [];
    for (const [from, name] of [[one, 'one'], [port, 'middle'], [two, 'two']]) {
      for (let k = 0; k < 5; k += 1) {
        sent.push(`x/${name} ${k}`);
        await publish(from, `x/${name}`, String(k));
      }
    }
    for (const [from, name] of [[one, 'one'], [two, 'two']]) {
      await publish(from, 'x/last', `from ${name}`);
      await sides.one.said(`x/last from ${name}`);
      await sides.two.said(`x/last from ${name}`);
    }
    for (const [name, side] of Object.entries(sides)) {
      const seen = side.all().filter((line) => !/^x\/(ready|last)/.test(line));
      assert.deepEqual([...seen].sort(), [...sent].sort(), `each message once on side ${name}`);
    }
  });
}
