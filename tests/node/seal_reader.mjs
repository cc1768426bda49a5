// Reads packs of passerby-seal/1, written from docs/seal-format.md alone. Takes a JSON list of questions on stdin, answers with a list.
// A question: pack (base64), unfinished, custodian (hex), and authorities ({number: hex}) with pieces, or requester (hex) with parcels (JSON texts).
import { readFileSync } from "node:fs";
import { chacha20poly1305 } from "@noble/ciphers/chacha.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 as kem } from "@noble/post-quantum/hybrid.js";

class Refusal extends Error {}
const refuse = (why) => { throw new Refusal(why); };
const must = (fits, why) => fits || refuse(why);

// Spelling
const ascii = (text) => new TextEncoder().encode(text);
const join = (...parts) => Uint8Array.from(Buffer.concat(parts));
const u8 = (number) => Uint8Array.of(number);
const u32 = (number) => { const out = Buffer.alloc(4); out.writeUInt32BE(number); return out; };
const at32 = (bytes, at) => Buffer.from(bytes).readUInt32BE(at);
const lp = (part) => join(u32(part.length), part);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
const same = (one, other) => hex(one) === hex(other);
const prf = (key, info) => expand(sha256, key, info, 32);
const digestText = (bytes) => "sha256:" + hex(sha256(bytes));
const canonical = (value) =>
  value === null || typeof value !== "object" ? JSON.stringify(value)
    : Array.isArray(value) ? `[${value.map(canonical).join(",")}]`
      : `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;

function json(bytes) {
  let value;
  try { value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)); } catch { refuse("format"); }
  must(value !== null && typeof value === "object" && !Array.isArray(value), "format");
  must(same(ascii(canonical(value)), bytes), "format");
  return value;
}

// HPKE, RFC 9180: base mode, one message, no associated data
const SUITE = join(ascii("HPKE"), Uint8Array.of(0x64, 0x7a, 0, 1, 0, 3));
const labeledExtract = (salt, label, ikm) => extract(sha256, join(ascii("HPKE-v1"), SUITE, ascii(label), ikm), salt);
const labeledExpand = (prk, label, info, length) =>
  expand(sha256, prk, join(Uint8Array.of(0, length), ascii("HPKE-v1"), SUITE, ascii(label), info), length);

function openBox(seed, info, box) {
  const none = new Uint8Array();
  if (box.length < 1136) return null;
  const secretIn = kem.decapsulate(box.subarray(0, 1120), seed);
  const context = join(u8(0), labeledExtract(none, "psk_id_hash", none), labeledExtract(none, "info_hash", info));
  const secret = labeledExtract(secretIn, "secret", none);
  const key = labeledExpand(secret, "key", context, 32), nonce = labeledExpand(secret, "base_nonce", context, 12);
  try { return chacha20poly1305(key, nonce).decrypt(box.subarray(1120)); } catch { return null; }
}

// Pack
const MAGIC = ascii("passerby-seal/1\n");
const LENGTHS = { 1: [1, 65536], 2: [26, 9 + 32 + 65536 + 16], 3: [104, 104], 4: [104, 104], 5: [76, 76] };

function records(data, unfinished) {
  const found = [];
  must(same(data.subarray(0, 16), MAGIC.subarray(0, data.length)), "format");
  must(data.length >= 16, "cut");
  let at = 16;
  while (at < data.length) {
    let whole = at + 5 <= data.length;
    if (whole) {
      const bounds = LENGTHS[data[at]], length = at32(data, at + 1);
      must(bounds && length >= bounds[0] && length <= bounds[1], "format");
      whole = at + 5 + length <= data.length;
      if (whole) found.push({ type: data[at], body: data.subarray(at + 5, at + 5 + length) });
      at += 5 + length;
    }
    if (!whole) { must(unfinished, "cut"); break; }
  }
  return found;
}

function signed(pack, signature, label, ...parts) {
  let right = false;
  try { right = ed25519.verify(signature, join(lp(ascii(label)), pack.C, ...parts), pack.signer); } catch { right = false; }
  must(right, "altered");
}

function readHeader(body) {
  const parts = [];
  let at = 0;
  for (let part = 0; part < 3; part++) {
    must(at + 4 <= body.length, "format");
    const length = at32(body, at);
    must(at + 4 + length <= body.length, "format");
    parts.push(body.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  must(body.length === at + 64 && parts[2].length >= 1136, "format");
  const context = json(parts[0]), policy = json(parts[1]);
  const is = (name, pattern) => must(typeof context[name] === "string" && pattern.test(context[name]), "format");
  is("bucket", /^[0-9a-f]{32}$/); is("camera", /^[0-9a-f]{32}$/); is("signer", /^[0-9a-f]{64}$/);
  is("hour", /^\d{4}-\d\d-\d\dT\d\d$/); is("policy", /^sha256:[0-9a-f]{64}$/); is("custody", /^sha256:[0-9a-f]{64}$/);
  is("origin", /^[^\0-\x1f\x7f]{1,255}$/);
  must(context.format === "passerby-seal/1" && Object.keys(context).length === 8, "format");
  const n = policy.authorities?.length;
  must(n >= 2 && n <= 7 && policy.needed >= 2 && policy.needed <= n, "format");
  must(context.policy === digestText(parts[1]), "altered");
  const pack = { C: sha256(parts[0]), context, contextBytes: parts[0], policy, outer: parts[2], signer: unhex(context.signer) };
  signed(pack, body.subarray(at), "passerby-seal/1 header", lp(parts[1]), lp(parts[2]));
  pack.leaf = leafHash(join(lp(ascii("passerby-seal/1 header")), pack.C, sha256(body)));
  return pack;
}

const leafHash = (leaf) => sha256(join(u8(0), leaf));
function rootOf(leaves) {
  if (leaves.length === 1) return leaves[0];
  let split = 1;
  while (2 * split < leaves.length) split *= 2;
  return sha256(join(u8(1), rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split))));
}

function readPack(data, unfinished) {
  const all = records(data, unfinished);
  must(all.length, "cut");
  must(all[0].type === 1, "order");
  const pack = Object.assign(readHeader(all[0].body), { pieces: new Map(), roots: [], closed: false });
  const begun = new Map();
  let leaves = [pack.leaf], above = 0;
  for (const { type, body } of all.slice(1)) {
    must(!pack.closed && type !== 1, "order");
    const [first, second] = [at32(body, 0), at32(body, 4)];
    if (type === 2) {
      must(body[8] <= 1 && first < 262144 && second < 4096, "format");
      if (second === 0) {
        must(!begun.has(first), "order");
        begun.set(first, { chunks: [], last: false, ended: false });
        above = Math.max(above, first + 1);
      }
      const piece = begun.get(first);
      must(piece && !piece.last && second === piece.chunks.length, "order");
      const plain = body.length - 9 - 16 - (second ? 0 : 32);
      must(plain >= 1 && plain <= 65536, "format");
      piece.chunks.push(body);
      piece.last = body[8] === 1;
    } else if (type === 3) {
      const piece = begun.get(first);
      must(piece && piece.last && !piece.ended && piece.chunks.length === second, "order");
      piece.ended = true;
      piece.digest = body.subarray(8, 40);
      piece.signature = body.subarray(40);
      piece.leaf = leafHash(join(lp(ascii("passerby-seal/1 end")), pack.C, body.subarray(0, 40)));
      leaves.push(piece.leaf);
      pack.pieces.set(first, piece);
    } else if (type === 4) {
      must(first === pack.roots.length && second === leaves.length && second, "order");
      must(same(rootOf(leaves), body.subarray(8, 40)), "altered");
      signed(pack, body.subarray(40), "passerby-seal/1 tree", body.subarray(0, 40));
      pack.roots.push(hex(body.subarray(8, 40)));
      leaves = [];
    } else {
      must(first >= above && second === pack.pieces.size && at32(body, 8) === pack.roots.length, "order");
      signed(pack, body.subarray(12), "passerby-seal/1 close", body.subarray(0, 12));
      pack.closed = true;
    }
  }
  must(pack.closed || unfinished, "cut");
  return pack;
}

function checkPiece(pack, number) {
  const piece = pack.pieces.get(number) ?? refuse("unknown");
  must(same(sha256(join(...piece.chunks.map(lp))), piece.digest), "altered");
  signed(pack, piece.signature, "passerby-seal/1 end", u32(number), u32(piece.chunks.length), piece.digest);
  return piece;
}

// Shares and keys
function seedsOf(authority, n, m) {
  const sets = [];
  const choose = (from, rest, chosen) => {
    if (!rest) { sets.push(chosen); return; }
    for (let next = from; next <= n - rest + 1; next++) choose(next + 1, rest - 1, [...chosen, next]);
  };
  choose(1, m - 1, []);
  return { count: sets.length, held: sets.map((_, a) => a).filter((a) => !sets[a].includes(authority)) };
}

const label = (pack, text, ...parts) => join(lp(ascii(text)), pack.C, ...parts);

function sharesFromSeeds(pack, seeds, pieces) {
  const found = new Map();
  for (let k = 0, most = Math.max(...pieces); k <= most; k++) {
    if (pieces.includes(k)) {
      found.set(k, new Map([...seeds].map(([a, seed]) => [a, prf(seed, label(pack, "passerby-seal/1 share", u8(a), u32(k)))])));
    }
    for (const [a, seed] of seeds) seeds.set(a, prf(seed, label(pack, "passerby-seal/1 next", u8(a), u32(k))));
  }
  return found;
}

function seedsByBoxes(pack, custodian, authorities) {
  const info = join(lp(ascii("passerby-seal/1 custody")), lp(pack.contextBytes));
  const outer = openBox(custodian, info, pack.outer) ?? refuse("altered");
  const boxes = [];
  for (let at = 0; at < outer.length; at += 4 + at32(outer, at)) boxes.push(outer.subarray(at + 4, at + 4 + at32(outer, at)));
  const seeds = new Map(), n = pack.policy.authorities.length;
  must(boxes.length === n, "altered");
  for (const [number, seed] of Object.entries(authorities)) {
    const own = join(lp(ascii("passerby-seal/1 authority")), lp(pack.contextBytes), u8(Number(number)));
    const plain = openBox(unhex(seed), own, boxes[number - 1]) ?? refuse("altered");
    seedsOf(Number(number), n, pack.policy.needed).held.forEach((a, place) => seeds.set(a, plain.slice(32 * place, 32 * place + 32)));
  }
  return seeds;
}

function sharesFromParcels(pack, requester, texts) {
  const found = new Map();
  for (const text of texts) {
    const parcel = json(ascii(text));
    must(parcel.format === "passerby-release/1" && parcel.context === hex(pack.C), "foreign");
    const about = join(u8(parcel.authority), unhex(parcel.entry), u32(parcel.pieces.length), ...parcel.pieces.map(u32));
    const info = join(lp(ascii("passerby-seal/1 release")), lp(pack.contextBytes), about);
    const plain = openBox(requester, info, Uint8Array.from(Buffer.from(parcel.box, "base64"))) ?? refuse("foreign");
    const { held } = seedsOf(parcel.authority, pack.policy.authorities.length, pack.policy.needed);
    must(plain.length === 32 * held.length * parcel.pieces.length, "malformed");
    parcel.pieces.forEach((k, row) => held.forEach((a, place) => {
      if (!found.has(k)) found.set(k, new Map());
      const at = 32 * (row * held.length + place);
      found.get(k).set(a, plain.slice(at, at + 32));
    }));
  }
  return found;
}

function openPiece(pack, number, shares) {
  const piece = checkPiece(pack, number);
  must(shares.size === seedsOf(1, pack.policy.authorities.length, pack.policy.needed).count, "few");
  const sum = new Uint8Array(32);
  for (const share of shares.values()) share.forEach((value, at) => { sum[at] ^= value; });
  const key = prf(sum, label(pack, "passerby-seal/1 piece", u32(number)));
  const commitment = prf(key, lp(ascii("passerby-seal/1 commitment"))), stream = prf(key, lp(ascii("passerby-seal/1 stream")));
  must(same(commitment, piece.chunks[0].subarray(9, 41)), "wrong");
  const data = label(pack, "passerby-seal/1 chunk", u32(number), commitment);
  const plain = piece.chunks.map((body, sequence) => {
    const nonce = join(new Uint8Array(7), u32(sequence), u8(sequence === piece.chunks.length - 1 ? 1 : 0));
    try { return chacha20poly1305(stream, nonce, data).decrypt(body.subarray(sequence ? 9 : 41)); } catch { return refuse("altered"); }
  });
  const meta = json(plain.pop());
  return { meta, data: hex(sha256(join(...plain))), digest: "sha256:" + hex(piece.leaf), commitment: hex(commitment) };
}

function answer(question) {
  const pack = readPack(Uint8Array.from(Buffer.from(question.pack, "base64")), question.unfinished ?? false);
  const told = { context: pack.context, C: hex(pack.C), roots: pack.roots, pieces: {} };
  const ended = [...pack.pieces.keys()].sort((one, other) => one - other);
  let shares = new Map();
  if (question.parcels) shares = sharesFromParcels(pack, unhex(question.requester), question.parcels);
  else if (question.authorities && ended.length) {
    shares = sharesFromSeeds(pack, seedsByBoxes(pack, unhex(question.custodian), question.authorities), ended);
  }
  for (const number of question.parcels ? [...shares.keys()] : ended) told.pieces[number] = openPiece(pack, number, shares.get(number) ?? new Map());
  return told;
}

const answers = JSON.parse(readFileSync(0, "utf8")).map((question) => {
  try { return answer(question); } catch (error) {
    if (error instanceof Refusal) return { refused: error.message };
    throw error;
  }
});
process.stdout.write(JSON.stringify(answers));
