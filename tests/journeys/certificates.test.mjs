// The certificates are accepted by the strictest verifiers that we know.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { Daemon } from '../harness/daemon.mjs';
import { run, scratch } from '../harness/processes.mjs';

/** A TLS handshake as a client would make it; the server's certificate. */
function handshake(port, options) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ...options }, () => {
      resolve({ protocol: socket.getProtocol(), certificate: socket.getPeerX509Certificate(), authorized: socket.authorized });
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('openssl -x509_strict, names, addresses and TLS 1.2 with P-256 only', { timeout: 60_000 }, async (t) => {
  const daemon = await Daemon.start(t);
  const status = await daemon.startSite();
  const ca = (await daemon.request('GET', '/ca.pem')).body;
  const folder = scratch(t);
  const files = { ca: path.join(folder, 'ca.pem'), server: path.join(folder, 'server.pem') };

  const { certificate } = await handshake(status.ports.mqtts, { ca, servername: 'salle114.local' });
  fs.writeFileSync(files.ca, ca);
  fs.writeFileSync(files.server, certificate.toString());
  const strict = await run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', files.ca, files.server]);
  assert.equal(strict.code, 0, strict.stdout + strict.stderr);

  assert.ok(certificate.checkHost('localhost') && certificate.checkHost('salle114.local'));
  assert.ok(certificate.checkIP('127.0.0.1'));
  assert.equal(certificate.checkHost('evil.example'), undefined);
  const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / 86_400_000;
  assert.ok(days > 396 && days <= 399, `server certificate of ${days} days`);
  const authority = new X509Certificate(ca);
  assert.ok(authority.ca && certificate.checkIssued(authority));

  const old = await handshake(status.ports.mqtts, { ca, servername: 'localhost', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ecdhCurve: 'P-256', sigalgs: 'ecdsa_secp256r1_sha256' });
  assert.deepEqual([old.protocol, old.authorized], ['TLSv1.2', true]);
  await assert.rejects(handshake(status.ports.mqtts, { ca, servername: 'evil.example' }), /altnames|does not match/i);
});
