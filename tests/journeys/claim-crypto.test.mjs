// The page of the phone opens what the site seals: its own cryptography against the vector that
// Node's made.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import vm from 'node:vm';

const root = path.resolve(import.meta.dirname, '../..');
const vector = JSON.parse(fs.readFileSync(path.join(root, 'crates/identity/tests/claim_vector.json'), 'utf8'));
const page = vm.createContext({ Uint8Array, Uint32Array, DataView, ArrayBuffer, BigInt, Math });
vm.runInContext(fs.readFileSync(path.join(root, 'crates/headless/claim/crypto.js'), 'utf8'), page);
const { canonicalToken, claimId, openSealed } = page.courtierClaim;

test('a token is read as people type it', () => {
  assert.equal(canonicalToken(vector.typed), vector.token);
  assert.equal(canonicalToken(vector.token.slice(1)), undefined);
  assert.equal(canonicalToken(`${vector.token.slice(1)}U`), undefined);
});

test('the id and the sealed bundle are those of the vector', () => {
  assert.equal(claimId(vector.token), vector.id);
  const sealed = new Uint8Array(Buffer.from(vector.sealed_hex, 'hex'));
  assert.equal(new TextDecoder().decode(openSealed(vector.token, sealed)), vector.plaintext);
});

test('every changed byte is noticed', () => {
  const sealed = Buffer.from(vector.sealed_hex, 'hex');
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = new Uint8Array(sealed);
    changed[at] ^= 1;
    assert.throws(() => openSealed(vector.token, changed), `byte ${at}`);
  }
});
