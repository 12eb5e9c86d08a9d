// HKDF-SHA256 and ChaCha20-Poly1305, for a page on plain http, where browsers have no crypto.subtle.
// Held to the vector of crates/identity/tests/claim_vector.json by a test.
'use strict';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** What a person may type: any case, dashes, I and L for 1, O for 0; undefined if it is no token. */
function canonicalToken(typed) {
  const token = typed.toUpperCase().replace(/[\s-]/g, '').replace(/[IL]/g, '1').replace(/O/g, '0');
  return token.length === 26 && [...token].every((symbol) => CROCKFORD.includes(symbol)) ? token : undefined;
}

const ascii = (text) => Uint8Array.from(text, (symbol) => symbol.charCodeAt(0));

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) { whole.set(part, at); at += part.length; }
  return whole;
}

const K = new Uint32Array(64);
const H0 = new Uint32Array(8);
(function constants() {
  // The first 32 bits of the fractional parts of roots of the first primes (FIPS 180-4 §4.2.2, §5.3.3).
  const fraction = (number) => Math.floor((number - Math.floor(number)) * 2 ** 32);
  let count = 0;
  for (let candidate = 2; count < 64; candidate += 1) {
    let prime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) if (candidate % divisor === 0) { prime = false; break; }
    if (!prime) continue;
    if (count < 8) H0[count] = fraction(Math.sqrt(candidate));
    K[count] = fraction(Math.cbrt(candidate));
    count += 1;
  }
})();

function sha256(message) {
  const length = message.length;
  const padded = new Uint8Array(Math.ceil((length + 9) / 64) * 64);
  padded.set(message);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(padded.length - 4, (length << 3) >>> 0);
  const state = H0.slice();
  const w = new Uint32Array(64);
  const rotate = (word, by) => (word >>> by) | (word << (32 - by));
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i += 1) w[i] = view.getUint32(block + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      const s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] += word; });
  }
  const out = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => out.setUint32(4 * i, word));
  return new Uint8Array(out.buffer);
}

function hmac(key, message) {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? sha256(key) : key);
  const pad = (byte) => block.map((each) => each ^ byte);
  return sha256(concat(pad(0x5c), sha256(concat(pad(0x36), message))));
}

/** HKDF-SHA256 without salt, at most 32 bytes. */
function hkdf(secret, info, length) {
  const key = hmac(new Uint8Array(32), secret);
  return hmac(key, concat(ascii(info), Uint8Array.of(1))).slice(0, length);
}

/** Five bits a symbol, from the front. */
function crockford(bytes) {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let at = bytes.length * 8 - 5; at >= 0; at -= 5) text += CROCKFORD[Number((bits >> BigInt(at)) & 31n)];
  return text;
}

const claimId = (token) => crockford(hkdf(ascii(token), 'courtier claim id', 10));

function chachaBlock(key, counter, nonce) {
  const words = new Uint32Array(16);
  words.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  const k = new DataView(key.buffer, key.byteOffset, 32);
  const n = new DataView(nonce.buffer, nonce.byteOffset, 12);
  for (let i = 0; i < 8; i += 1) words[4 + i] = k.getUint32(4 * i, true);
  words[12] = counter;
  for (let i = 0; i < 3; i += 1) words[13 + i] = n.getUint32(4 * i, true);
  const x = words.slice();
  const quarter = (a, b, c, d) => {
    const mix = (i, j, l, by) => { x[i] += x[j]; const t = x[l] ^ x[i]; x[l] = (t << by) | (t >>> (32 - by)); };
    mix(a, b, d, 16); mix(c, d, b, 12); mix(a, b, d, 8); mix(c, d, b, 7);
  };
  for (let round = 0; round < 10; round += 1) {
    quarter(0, 4, 8, 12); quarter(1, 5, 9, 13); quarter(2, 6, 10, 14); quarter(3, 7, 11, 15);
    quarter(0, 5, 10, 15); quarter(1, 6, 11, 12); quarter(2, 7, 8, 13); quarter(3, 4, 9, 14);
  }
  const out = new DataView(new ArrayBuffer(64));
  for (let i = 0; i < 16; i += 1) out.setUint32(4 * i, (x[i] + words[i]) >>> 0, true);
  return new Uint8Array(out.buffer);
}

function poly1305(key, message) {
  const little = (bytes) => { let n = 0n; for (let i = bytes.length - 1; i >= 0; i -= 1) n = (n << 8n) | BigInt(bytes[i]); return n; };
  const r = little(key.slice(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  const s = little(key.slice(16, 32));
  const p = (1n << 130n) - 5n;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.slice(at, at + 16);
    sum = ((sum + little(block) + (1n << BigInt(8 * block.length))) * r) % p;
  }
  let tag = (sum + s) & ((1n << 128n) - 1n);
  return Uint8Array.from({ length: 16 }, () => { const byte = Number(tag & 255n); tag >>= 8n; return byte; });
}

/** Opens what the site sealed: 12 bytes of nonce, ciphertext, tag. Throws if a byte is not right. */
function openSealed(token, sealed) {
  const key = hkdf(ascii(token), 'courtier claim key', 32);
  const aad = ascii(claimId(token));
  const nonce = sealed.slice(0, 12);
  const cipher = sealed.slice(12, -16);
  const tag = sealed.slice(-16);
  const padding = (length) => new Uint8Array((16 - (length % 16)) % 16);
  const lengths = new DataView(new ArrayBuffer(16));
  lengths.setUint32(0, aad.length, true);
  lengths.setUint32(8, cipher.length, true);
  const message = concat(aad, padding(aad.length), cipher, padding(cipher.length), new Uint8Array(lengths.buffer));
  const wanted = poly1305(chachaBlock(key, 0, nonce), message);
  let wrong = tag.length === 16 ? 0 : 1;
  wanted.forEach((byte, i) => { wrong |= byte ^ tag[i]; });
  if (wrong) throw new Error('not what the site sealed');
  const plain = new Uint8Array(cipher.length);
  for (let at = 0, counter = 1; at < cipher.length; at += 64, counter += 1) {
    const stream = chachaBlock(key, counter, nonce);
    for (let i = 0; i < 64 && at + i < cipher.length; i += 1) plain[at + i] = cipher[at + i] ^ stream[i];
  }
  return plain;
}

globalThis.courtierClaim = { canonicalToken, claimId, openSealed };
