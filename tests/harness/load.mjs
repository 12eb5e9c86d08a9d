// A steady load in a process of its own: `node load.mjs '<JSON>'` with { host, port, ca, user, password,
// branch, topics, rate, seconds, qos }. Publishes `rate` messages a second over TLS, going round
// `topics` topics below `branch`; each payload carries its number. Prints one JSON line when the last
// is acknowledged (QoS 1) or written (QoS 0).
import fs from 'node:fs';
import mqtt from 'mqtt';

const load = JSON.parse(process.argv[2]);
const client = await mqtt.connectAsync(`mqtts://${load.host}:${load.port}`, {
  ca: fs.readFileSync(load.ca), clientId: load.user, username: load.user, password: load.password, protocolVersion: 5, reconnectPeriod: 0,
});
client.on('error', (error) => { throw error; });
const beat = 10;
const began = performance.now();
const total = load.rate * load.seconds;
let sent = 0;
const waiting = [];
while (sent < total) {
  // What is due by now: a beat that came late is made up for.
  const due = Math.min(total, Math.floor((performance.now() - began) / 1000 * load.rate) + 1);
  for (; sent < due; sent += 1) {
    const topic = `${load.branch}/${Math.floor((sent % load.topics) / 100)}/${sent % load.topics}`;
    const done = client.publishAsync(topic, `{"n":${sent},"v":${(20 + Math.sin(sent / 50)).toFixed(3)}}`, { qos: load.qos ?? 0 });
    if (sent + 1 === total || load.qos) waiting.push(done);
    if (waiting.length > 5000) await Promise.all(waiting.splice(0));
  }
  await new Promise((passed) => setTimeout(passed, beat));
}
await Promise.all(waiting);
const seconds = (performance.now() - began) / 1000;
await client.endAsync();
console.log(JSON.stringify({ sent, seconds }));
