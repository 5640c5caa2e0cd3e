// The codes of an authenticator app, for the demo user alone: a real frontend never
// knows the secret. RFC 6238 with its defaults: SHA-1, 6 digits, 30 seconds.

const STEP = 30_000;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Return the code of this moment for `secret`, which is in base32. */
export async function demoCode(secret) {
  const hmac = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", bytes(secret), hmac, false, ["sign"]);
  const counter = new DataView(new ArrayBuffer(8));
  counter.setBigUint64(0, BigInt(Math.floor(Date.now() / STEP)));
  const hash = new DataView(await crypto.subtle.sign("HMAC", key, counter));
  const offset = hash.getUint8(hash.byteLength - 1) & 15;
  const number = (hash.getUint32(offset) & 0x7fffffff) % 1_000_000;
  return String(number).padStart(6, "0");
}

function bytes(secret) {
  const found = [];
  let bits = 0;
  let count = 0;
  for (const letter of secret) {
    bits = (bits << 5) | ALPHABET.indexOf(letter);
    count += 5;
    if (count < 8) continue;
    count -= 8;
    found.push(bits >> count);
    bits &= (1 << count) - 1;
  }
  return new Uint8Array(found);
}
