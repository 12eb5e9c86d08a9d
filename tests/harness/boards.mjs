// Boards in a network of their own: each connects to the host that its files name, over TLS with
// the certificate checked, and looks `.local` names up by mDNS each time it connects, as boards do.
import dgram from 'node:dgram';
import fs from 'node:fs';
import mqtt from 'mqtt';

const { devices, port, ca, from } = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const MDNS = { address: '224.0.0.251', port: 5353 };
const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
const waiting = new Set();

/** A question for the address of a name (RFC 1035 §4). */
function question(name) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** The end of a name that begins at `at`. */
function skipName(packet, at) {
  while (packet[at] !== 0) {
    if (packet[at] >= 0xc0) return at + 2;
    at += packet[at] + 1;
  }
  return at + 1;
}

/** The first address record of an answer: here only one host answers. */
function address(packet) {
  if (!(packet[2] & 0x80)) return undefined;
  let at = 12;
  for (let count = packet.readUInt16BE(4); count > 0; count -= 1) at = skipName(packet, at) + 4;
  for (let count = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10); count > 0; count -= 1) {
    at = skipName(packet, at);
    const [type, ttl, length] = [packet.readUInt16BE(at), packet.readUInt32BE(at + 4), packet.readUInt16BE(at + 8)];
    if (type === 1 && ttl > 0) return [...packet.subarray(at + 10, at + 14)].join('.');
    at += 10 + length;
  }
  return undefined;
}

/** What was last heard, asked for or not: a resolver keeps it until a newer answer replaces it. */
let known;
socket.on('message', (packet) => {
  const found = address(packet);
  if (!found) return;
  known = found;
  for (const done of [...waiting]) done(found);
});
await new Promise((bound) => socket.bind(MDNS.port, bound));
socket.addMembership(MDNS.address, from);
socket.setMulticastInterface(from);

function lookup(name, options, callback) {
  const answer = (error, found) => {
    clearTimeout(timer);
    waiting.delete(done);
    if (error) callback(error);
    else if (options.all) callback(null, [{ address: found, family: 4 }]);
    else callback(null, found, 4);
  };
  const done = (found) => answer(null, found);
  const timer = setTimeout(() => answer(new Error(`no answer for ${name}`)), 2000);
  waiting.add(done);
  if (known) done(known);
  socket.send(question(name), MDNS.port, MDNS.address);
}

let connected = 0;
const back = new Set();
for (const device of devices) {
  const byName = device.host.endsWith('.local');
  const client = mqtt.connect({
    protocol: 'mqtts', host: device.host, port, ca, servername: byName ? device.host : undefined, ...(byName ? { lookup } : {}),
    clientId: device.id, username: device.id, password: device.password, keepalive: 10, reconnectPeriod: 1000, connectTimeout: 5000,
  });
  client.on('error', () => {}); // it tries again, as a board does
  let before = false;
  client.on('connect', () => {
    if (!before) connected += 1;
    else back.add(device.id);
    before = true;
    console.log(back.size ? `back ${back.size}` : `connected ${connected}`);
  });
}
