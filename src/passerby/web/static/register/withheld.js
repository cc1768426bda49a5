"use strict";
// What stands in the place of a bundle of entries that the operator withholds because something personal was published in it:
// a tombstone, by the rules of the Python library (register/verification/withheld.py). The same forgeries are tried on both.

const TOMBSTONE = "passerby tombstone v1";
const LOOKED_THROUGH = 64; // bundles in which the entry that announces a tombstone is looked for, the newest

// {bundle, leaves, places, digest} if one of the log's keys signed it; null where there is none.
async function readTombstone(base, bundle, origin, keys) {
  const bytes = await fetchBytes(new URL(`withdrawn/${fileName(bundle)}`, base), MAX_NOTE_BYTES, true);
  if (bytes === null) return null;
  const { text, seen } = await openNote(bytes, keys);
  if (seen.size === 0) throw new Refused("unsigned", `withdrawn/${fileName(bundle)}`);
  const lines = text.slice(0, -1).split("\n");
  if (lines.length !== 3 + TILE || lines[0] !== TOMBSTONE || !lines[2].startsWith("bundle ")) {
    throw new Refused("format", "not a tombstone");
  }
  if (lines[1] !== origin || decimal(lines[2].slice(7)) !== bundle) throw new Refused("inclusion", "another tombstone");
  const rows = lines.slice(3).map((line) => /^(kept|withdrawn) (.*)$/.exec(line) ?? ["", "", ""]);
  if (rows.some(([, state]) => state === "")) throw new Refused("format", "not a tombstone");
  const digest = Array.from(await sha256(encoder.encode(text)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return {
    bundle,
    leaves: rows.map(([, , leaf]) => base64(leaf, 32)),
    places: new Set(rows.flatMap(([, state], place) => (state === "withdrawn" ? [place] : []))),
    digest: `sha256:${digest}`,
  };
}

// The bundle as it is still shown: each entry that is not withdrawn must be what was logged.
async function readShown(base, { bundle, leaves, places }) {
  const name = `withdrawn/${fileName(bundle)}.entries`;
  const entries = splitBundle(await fetchBytes(new URL(name, base), TILE * 65_537));
  if (entries.length !== TILE) throw new Refused("format", `${name} has another width`);
  for (const [place, entry] of entries.entries()) {
    if (!places.has(place) && !same(await leafHash(entry), leaves[place])) throw new Refused("inclusion", name);
  }
  return entries;
}

// {index, reason} of the entry that announces a tombstone; index is null where not all bundles were looked through.
async function findAnnouncement(log, { bundle, digest }) {
  const last = Math.ceil(log.checkpoint.size / TILE) - 1;
  for (let number = last; number >= 0; number--) {
    if (number <= last - LOOKED_THROUGH) return { index: null, reason: "" };
    const { entries } = await log.bundle(number);
    for (const [place, bytes] of entries.entries()) {
      const told = new TextDecoder().decode(bytes);
      if (!told.includes(digest)) continue;
      const entry = parseEntry(bytes);
      if (entry.kind !== "bundle.withdrawn" || entry.bundle !== bundle || entry.list !== digest) continue;
      const { withdrawn } = await log.prove(number * TILE + place);
      if (!withdrawn) return { index: number * TILE + place, reason: String(entry.reason) };
    }
  }
  throw new Refused("unannounced", `withdrawn/${fileName(bundle)}`);
}
