"use strict";
// Checks a public log in a browser: signed notes, checkpoints, cosignatures, policies, proofs and tiles (C2SP signed-note,
// tlog-checkpoint, tlog-cosignature, tlog-policy, tlog-proof, tlog-tiles; RFC 6962 hashing). No library, no network but
// through `Log`. Parsing is strict and has one error: Refused, whose `reason` is a key of the translations.

const MAX_NOTE_BYTES = 1_000_000;
const MAX_SIGNATURES = 100;
const MAX_PATH = 64;
const MAX_ROTATIONS = 100;
const TILE = 256;
const LOG_KEY = 1;
const WITNESS_KEY = 4;
const encoder = new TextEncoder();

class Refused extends Error {
  constructor(reason, detail = "") {
    super(detail ? `${reason}: ${detail}` : reason);
    this.reason = reason;
    this.detail = detail;
  }
}

// --- bytes ---------------------------------------------------------------------------------------------------------

function utf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused("format", "not UTF-8");
  }
}

function base64(text, length = null) {
  let raw;
  try {
    raw = atob(text);
  } catch {
    throw new Refused("format", "not base64");
  }
  if (btoa(raw) !== text) throw new Refused("format", "base64 in another spelling");
  if (length !== null && raw.length !== length) throw new Refused("format", `${length} bytes wanted, got ${raw.length}`);
  return Uint8Array.from(raw, (c) => c.charCodeAt(0));
}

function decimal(text) {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text) || Number(text) > Number.MAX_SAFE_INTEGER) {
    throw new Refused("format", "not a number in its one spelling");
  }
  return Number(text);
}

function same(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function sha256(...parts) {
  if (!globalThis.crypto?.subtle) throw new Refused("browser");
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
}

const leafHash = (entry) => sha256([0], entry);
const nodeHash = (left, right) => sha256([1], left, right);

// --- keys, notes, checkpoints ----------------------------------------------------------------------------------------

async function parseKey(line) {
  const found = /^([^\s+\x00-\x1f\x7f]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(line);
  if (!found) throw new Refused("format", "not a key");
  const data = base64(found[3], 33);
  if (data[0] !== LOG_KEY && data[0] !== WITNESS_KEY) throw new Refused("format", "key of another type");
  const id = (await sha256(encoder.encode(`${found[1]}\n`), data)).slice(0, 4);
  const hex = Array.from(id, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== found[2]) throw new Refused("format", "hash of the key is wrong");
  return { name: found[1], type: data[0], id, hex, public: data.slice(1) };
}

function splitNote(bytes) {
  if (bytes.length > MAX_NOTE_BYTES) throw new Refused("format", "note too long");
  const whole = utf8(bytes);
  const cut = whole.lastIndexOf("\n\n");
  if (/[\x00-\x09\x0b-\x1f]/.test(whole) || cut < 0 || !whole.endsWith("\n")) throw new Refused("format", "not a note");
  const lines = whole.slice(cut + 2, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw new Refused("format", "too many signatures");
  const signatures = lines.map((line) => {
    const found = /^\u2014 ([^\s+\x00-\x1f\x7f]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    if (!found) throw new Refused("format", "not a signature line");
    const data = base64(found[2]);
    if (data.length < 5) throw new Refused("format", "signature too short");
    return { name: found[1], id: data.slice(0, 4), value: data.slice(4) };
  });
  return { text: whole.slice(0, cut + 1), signatures };
}

function parseCheckpoint(text) {
  const lines = text.split("\n");
  if (lines.length < 4 || lines.pop() !== "" || lines.includes("")) throw new Refused("format", "not a checkpoint");
  return { origin: lines[0], size: decimal(lines[1]), root: base64(lines[2], 32) };
}

async function checkSignature(key, text, value) {
  let message = encoder.encode(text);
  let time = null;
  if (key.type === WITNESS_KEY) {
    if (value.length !== 72) throw new Refused("witness", key.name);
    time = new DataView(value.buffer, value.byteOffset).getBigUint64(0);
    message = encoder.encode(`cosignature/v1\ntime ${time}\n${text}`);
    value = value.slice(8);
  }
  let right;
  try {
    const imported = await crypto.subtle.importKey("raw", key.public, "Ed25519", false, ["verify"]);
    right = await crypto.subtle.verify("Ed25519", imported, value, message);
  } catch {
    throw new Refused("browser");
  }
  if (!right) throw new Refused(key.type === WITNESS_KEY ? "witness" : "signature", key.name);
  if (time === 0n || time >= 2n ** 63n) throw new Refused("witness_time", `${key.name}, ${time}`);
  return time === null ? null : Number(time);
}

// A note's text, and which of some keys signed it, when. A known key's wrong signature spoils the whole note, and a key
// counts once however often it signed.
async function openNote(bytes, keys) {
  const { text, signatures } = splitNote(bytes);
  const seen = new Map();
  for (const signature of signatures) {
    const key = keys.find((known) => known.name === signature.name && same(known.id, signature.id));
    if (key) seen.set(key, await checkSignature(key, text, signature.value));
  }
  return { text, seen };
}

// Gives out a checkpoint only if the log's key signed it.
async function openCheckpoint(bytes, logKey, witnesses = []) {
  const { text, seen } = await openNote(bytes, [logKey, ...witnesses]);
  if (!seen.has(logKey)) throw new Refused("unsigned", logKey.name);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== logKey.name) throw new Refused("unsigned", "another log's checkpoint");
  const witnessed = witnesses.filter((key) => seen.has(key)).map((key) => ({ key, time: seen.get(key) }));
  return { ...checkpoint, witnessed };
}

// --- policy -----------------------------------------------------------------------------------------------------------

async function parsePolicy(text) {
  const named = new Map();
  const policy = { logs: [], witnesses: [], groups: new Map(), quorum: null };
  const define = (name, what) => {
    if (name === "none" || named.has(name)) throw new Refused("format", `policy: name ${name}`);
    named.set(name, what);
  };
  for (const line of text.split("\n")) {
    const [word, name, ...rest] = line.split(/[ \t]+/).filter(Boolean);
    if (!word || word.startsWith("#")) continue;
    if (word === "log" && name && rest.length < 2) {
      policy.logs.push(await parseKey(name));
    } else if (word === "witness" && rest.length > 0 && rest.length < 3) {
      const key = await parseKey(rest[0]);
      const twice = policy.witnesses.some((other) => same(other.public, key.public));
      if (key.type !== WITNESS_KEY || twice) throw new Refused("format", `policy: witness ${name}`);
      policy.witnesses.push(key);
      define(name, key);
    } else if (word === "group" && rest.length > 1) {
      const members = rest.slice(1);
      const needed = rest[0] === "all" ? members.length : rest[0] === "any" ? 1 : decimal(rest[0]);
      if (needed < 1 || needed > members.length || members.some((member) => !named.has(member) || named.get(member).used)) {
        throw new Refused("format", `policy: group ${name}`);
      }
      if (new Set(members).size !== members.length) throw new Refused("format", `policy: group ${name}`);
      members.forEach((member) => (named.get(member).used = true));
      define(name, { needed, members });
    } else if (word === "quorum" && name && rest.length === 0 && policy.quorum === null) {
      if (name !== "none" && !named.has(name)) throw new Refused("format", "policy: quorum");
      policy.quorum = name;
    } else {
      throw new Refused("format", "policy");
    }
  }
  if (policy.quorum === null) throw new Refused("format", "policy without quorum");
  const met = (name, keys) => {
    const what = named.get(name);
    if (what.public) return keys.includes(what);
    return what.members.filter((member) => met(member, keys)).length >= what.needed;
  };
  // a policy that asks for nobody is never "witnessed"
  policy.metBy = (keys) => policy.quorum !== "none" && met(policy.quorum, keys);
  return policy;
}

// --- proofs -----------------------------------------------------------------------------------------------------------

function parseProof(bytes) {
  if (bytes.length > MAX_NOTE_BYTES + 100_000) throw new Refused("format", "proof too long");
  const whole = utf8(bytes);
  const cut = whole.indexOf("\n\n");
  const lines = whole.slice(0, Math.max(cut, 0)).split("\n");
  if (cut < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Refused("format", "not a proof");
  const extra = lines[0]?.startsWith("extra ") ? base64(lines.shift().slice(6)) : null;
  const index = lines.shift() ?? "";
  if (!index.startsWith("index ") || lines.length > MAX_PATH) throw new Refused("format", "not a proof");
  const checkpoint = encoder.encode(whole.slice(cut + 2));
  parseCheckpoint(splitNote(checkpoint).text);
  return { index: decimal(index.slice(6)), path: lines.map((line) => base64(line, 32)), checkpoint, entry: extra };
}

// RFC 9162, 2.1.3.2; its step numbers.
async function checkInclusion(index, size, leaf, path, root) {
  if (index >= size) throw new Refused("inclusion"); // 1
  let fn = BigInt(index); // 2
  let sn = BigInt(size) - 1n;
  let r = leaf; // 3
  for (const p of path) {
    // 4
    if (sn === 0n) throw new Refused("inclusion");
    if (fn & 1n || fn === sn) {
      r = await nodeHash(p, r);
      while (fn !== 0n && !(fn & 1n)) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      r = await nodeHash(r, p);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n || !same(r, root)) throw new Refused("inclusion"); // 5
}

// --- the log as files ---------------------------------------------------------------------------------------------------

async function fetchBytes(url, most, missing = false) {
  let answer;
  try {
    answer = await fetch(url, { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(20_000) });
  } catch {
    throw new Refused("network", String(url));
  }
  if (missing && (answer.status === 404 || answer.status === 410)) return null;
  if (!answer.ok) throw new Refused("missing", `${url} (${answer.status})`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes.length > most) throw new Refused("format", `${url} is too long`);
  return bytes;
}

function splitBundle(bytes) {
  const entries = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + bytes[at] * 256 + (bytes[at + 1] ?? 65_536);
    if (end > bytes.length) throw new Refused("format", "torn entry bundle");
    entries.push(bytes.slice(at + 2, end));
    at = end;
  }
  return entries;
}

function splitTile(bytes) {
  if (bytes.length % 32) throw new Refused("format", "torn tile");
  return Array.from({ length: bytes.length / 32 }, (_, i) => bytes.slice(i * 32, (i + 1) * 32));
}

// How a log names its n-th file of a sort: 1067 is x001/067.
function fileName(index) {
  const groups = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0").match(/.../g);
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
}

// Reads tiles of one checkpoint. What it returns is only trusted after checkInclusion against the signed root. `trust` is how
// `followKey` came to the log's key: one of the keys that the log had signed what stands in the place of a withheld bundle.
class Log {
  constructor(base, checkpoint, trust) {
    this.base = String(base).endsWith("/") ? String(base) : `${base}/`;
    this.checkpoint = checkpoint;
    this.trust = trust;
    this.kept = new Map();
    this.withheld = new Map();
  }

  async tile(level, index) {
    const across = Number(BigInt(this.checkpoint.size) >> BigInt(level === "entries" ? 0 : 8 * level));
    const width = Math.min(TILE, across - index * TILE);
    if (width < 1) throw new Refused("inclusion");
    const url = `${this.base}tile/${level}/${fileName(index)}`;
    if (!this.kept.has(url)) {
      const most = level === "entries" ? TILE * 65_537 : TILE * 32;
      const part = width < TILE ? await fetchBytes(`${url}.p/${width}`, most, true) : null;
      const whole = part === null ? await fetchBytes(url, most) : null; // a full tile may have replaced a partial one
      const parts = (level === "entries" ? splitBundle : splitTile)(part ?? whole);
      if (parts.length !== (part === null ? TILE : width)) throw new Refused("format", `${url} has another width`);
      this.kept.set(url, parts);
    }
    return this.kept.get(url);
  }

  // The keys that the log had: also those before the key that the reader knows, as entries of the log itself say.
  async everyKey() {
    const { size, root } = this.checkpoint;
    const found = [...this.trust.keys];
    for (const { old, proof } of this.trust.earlier) {
      const next = await parseKey(String(parseEntry(proof.entry).key));
      if (old.name !== next.name || !found.some((key) => same(key.public, next.public))) continue;
      await checkInclusion(proof.index, size, await leafHash(proof.entry), await this.path(proof.index), root);
      found.push(old);
    }
    return found;
  }

  // A bundle's entries, or what is shown in its place, then with its tombstone.
  async bundle(index) {
    if (!this.withheld.has(index)) {
      try {
        return { entries: await this.tile("entries", index), tombstone: null };
      } catch (error) {
        if (!(error instanceof Refused) || error.reason !== "missing") throw error;
        const tombstone = await readTombstone(this.base, index, this.checkpoint.origin, await this.everyKey());
        if (tombstone === null) throw error;
        this.withheld.set(index, { entries: await readShown(this.base, tombstone), tombstone });
      }
    }
    const found = this.withheld.get(index);
    // the hashes of the tile that is proven below are the tombstone's, all of them
    const stated = await this.tile(0, index);
    if (!found.tombstone.leaves.every((leaf, place) => same(leaf, stated[place]))) throw new Refused("inclusion");
    return found;
  }

  // The hash of the whole subtree that starts at leaf `index * 2^level`.
  async node(level, index) {
    const height = level % 8;
    const tile = await this.tile((level - height) / 8, Math.floor(index / 2 ** (8 - height)));
    const start = (index % 2 ** (8 - height)) * 2 ** height;
    let hashes = tile.slice(start, start + 2 ** height);
    if (hashes.length !== 2 ** height) throw new Refused("format", "tile too short");
    while (hashes.length > 1) {
      const pairs = hashes.filter((_, i) => i % 2 === 0).map((left, i) => nodeHash(left, hashes[2 * i + 1]));
      hashes = await Promise.all(pairs);
    }
    return hashes[0];
  }

  async range(begin, end) {
    const level = Math.floor(Math.log2(end - begin));
    if (2 ** level === end - begin) return this.node(level, begin / 2 ** level);
    const middle = begin + 2 ** level;
    return nodeHash(await this.range(begin, middle), await this.range(middle, end));
  }

  async path(index, begin = 0, end = this.checkpoint.size) {
    if (end - begin <= 1) return [];
    let half = 1;
    while (half * 2 < end - begin) half *= 2;
    const middle = begin + half;
    if (index < middle) return [...(await this.path(index, begin, middle)), await this.range(middle, end)];
    return [...(await this.path(index, middle, end)), await this.range(begin, middle)];
  }

  // From a key that is trusted to the key that signs today: each change is an entry, proven under the key before it.
  static async followKey(base, key) {
    const changes = [];
    const keys = [key];
    const earlier = [];
    for (let number = 0; number < MAX_ROTATIONS; number++) {
      const bytes = await fetchBytes(new URL(`rotation/${number}.tlog-proof`, base), MAX_NOTE_BYTES + 100_000, true);
      if (bytes === null) return { key, keys, earlier, changes };
      const proof = parseProof(bytes);
      const entry = parseEntry(proof.entry ?? new Uint8Array());
      if (entry.kind !== "key.added" || entry.use !== "log") throw new Refused("format", "not a change of key");
      const old = await parseKey(String(entry.replaces));
      if (old.name !== key.name || !same(old.public, key.public)) {
        earlier.unshift({ old, proof }); // before the key that is trusted
        continue;
      }
      const checkpoint = await openCheckpoint(proof.checkpoint, key);
      await checkInclusion(proof.index, checkpoint.size, await leafHash(proof.entry), proof.path, checkpoint.root);
      const next = await parseKey(String(entry.key));
      if (next.name !== key.name || next.type !== LOG_KEY) throw new Refused("format", "not a change of key");
      key = next;
      keys.push(key);
      changes.push(proof);
    }
    throw new Refused("format", "too many changes of key");
  }

  // {entry, leaf, withdrawn}: of a withdrawn entry the leaf is proven, and what is shown of it is the operator's word.
  async prove(index) {
    const { size, root } = this.checkpoint;
    if (index >= size) throw new Refused("inclusion");
    const { entries, tombstone } = await this.bundle(Math.floor(index / TILE));
    const [entry, place] = [entries[index % TILE], index % TILE];
    const leaf = tombstone === null ? await leafHash(entry) : tombstone.leaves[place];
    await checkInclusion(index, size, leaf, await this.path(index), root);
    return { entry, leaf, withdrawn: tombstone !== null && tombstone.places.has(place) };
  }
}
