"use strict";
// The checker as one page that anyone can host: reads a log's own files, and the operator's page only as something to doubt.

const TABLES = JSON.parse(document.getElementById("words").textContent);
const asked = new URLSearchParams(location.hash.slice(1));
const wanted = [asked.get("lang"), ...navigator.languages.map((tag) => tag.slice(0, 2))];
const language = wanted.find((tag) => Object.hasOwn(TABLES, tag ?? "")) ?? "en";
const T = TABLES[language];
const field = (id) => document.getElementById(id);

function say(text, values = {}) {
  return Object.entries(values).reduce((made, [name, value]) => made.replaceAll(`{${name}}`, String(value)), text);
}

function translate() {
  document.documentElement.lang = language;
  document.title = T.title;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = T[element.dataset.text];
  for (const name of ["log", "key", "page", "entries"]) field(name).value = asked.get(name) ?? "";
  if (asked.get("log")) field("log").value = new URL(asked.get("log"), location.href).href;
  if (asked.get("page")) field("page").value = new URL(asked.get("page"), location.href).href;
}

function report(state, title, text, details = []) {
  const item = document.createElement("li");
  const head = document.createElement("p");
  head.dataset.state = state;
  head.textContent = `${{ good: "✓", bad: "✗", warn: "!" }[state]} ${title}: ${text}`;
  item.append(head);
  for (const detail of details) {
    const line = document.createElement("p");
    const code = document.createElement("code");
    code.textContent = detail;
    line.append(code);
    item.append(line);
  }
  field("steps").append(item);
}

async function newestOf(log) {
  const { size } = log.checkpoint;
  return size === 0 ? null : instantOf((await log.prove(size - 1)).entry);
}

async function checkWitnesses(base, key, bytes, log) {
  const own = field("policy").value.trim();
  const text = own ? `${own}\n` : utf8((await fetchBytes(new URL("policy", base), 1_000_000, true)) ?? encoder.encode("quorum none\n"));
  const policy = await parsePolicy(text);
  const { witnessed } = await openCheckpoint(bytes, key, policy.witnesses);
  const clock = Date.now() / 1000;
  const newest = await newestOf(log);
  const { counted, refused, time } = judgeTimes(policy, witnessed, clock, newest);
  for (const one of refused) {
    report("warn", T.step_witness, say(T.refused_time, { name: one.key.name, when: showSeconds(one.time, language) }));
  }
  if (newest !== null && newest > Math.min(clock, time ?? clock) + CLOCK_SLACK_S) {
    report("warn", T.step_entries, say(T.entry_ahead, { n: log.checkpoint.size - 1, when: showSeconds(newest, language) }));
  }
  const names = counted.map((one) => one.key.name);
  if (time === null) {
    report("warn", T.step_witness, T.unwitnessed, names);
    return;
  }
  const fresh = clock - time <= CLOCK_ERROR_S;
  const told = fresh ? T.witnessed : T.witnessed_old;
  report(fresh ? "good" : "warn", T.step_witness, say(told, { n: names.length, when: showSeconds(time, language) }), names);
  if (!own) report("warn", T.step_witness, T.named_by_operator);
}

function reportEntry(index, { withdrawn }, details) {
  if (withdrawn) report("warn", T.step_entries, say(T.entry_withdrawn, { n: index }));
  else report("good", T.step_entries, say(T.ok_entry, { n: index }), details);
}

async function reportWithheld(log) {
  for (const { tombstone } of [...log.withheld.values()]) {
    const { index, reason } = await findAnnouncement(log, tombstone);
    const gone = [...tombstone.places].map((place) => tombstone.bundle * TILE + place).join(", ");
    if (index === null) report("warn", T.step_entries, say(T.withheld_far, { n: gone }));
    else report("warn", T.step_entries, say(T.withheld, { n: gone, by: index }), [reason]);
  }
}

async function checkPage(log, address) {
  const page = new DOMParser().parseFromString(utf8(await fetchBytes(address, 20_000_000)), "text/html");
  const claims = [...claimsIn(page)];
  if (claims.length === 0) throw new Refused("claim", T.page_none);
  for (const [index, elements] of claims) {
    const proven = await log.prove(index);
    const entry = parseEntry(proven.entry);
    elements.forEach((element) => checkClaim(element, entry));
    const fields = elements.map((element) => element.getAttribute("data-claim"));
    reportEntry(index, proven, fields.map((name) => `${name}: ${fieldOf(entry, name)}`));
  }
  report("good", T.step_page, say(T.ok_page, { n: claims.map(([index]) => index).join(", ") }));
}

async function check() {
  const base = new URL(field("log").value.trim().replace(/\/*$/, "/"));
  const known = await parseKey(field("key").value.trim());
  if (known.type !== LOG_KEY) throw new Refused("format", "key of a witness");
  report("good", T.step_key, say(T.ok_key, { name: known.name }));
  const trust = await Log.followKey(base, known);
  const { key, changes } = trust;
  const bytes = await fetchBytes(new URL("checkpoint", base), MAX_NOTE_BYTES);
  const checkpoint = await openCheckpoint(bytes, key);
  report("good", T.step_checkpoint, say(T.ok_checkpoint, { size: checkpoint.size }));
  const log = new Log(base, checkpoint, trust);
  await checkWitnesses(base, key, bytes, log);
  for (const { index, entry } of changes) {
    if (!same((await log.prove(index)).leaf, await leafHash(entry))) throw new Refused("inclusion");
    report("good", T.step_key, say(T.ok_rotation, { n: index }));
  }
  for (const index of field("entries").value.split(/[\s,;]+/).filter(Boolean)) {
    const proven = await log.prove(decimal(index));
    reportEntry(index, proven, [utf8(proven.entry)]);
  }
  const page = field("page").value.trim();
  if (page) await checkPage(log, new URL(page));
  await reportWithheld(log);
}

async function run(event) {
  event.preventDefault();
  const result = field("result");
  field("steps").replaceChildren();
  field("go").disabled = true;
  delete result.dataset.state;
  result.textContent = T.running;
  try {
    await check();
    result.dataset.state = "good";
    result.textContent = T.ok_all;
  } catch (error) {
    const reason = error instanceof Refused ? error.reason : "format"; // an address that is none
    report("bad", T.reason[reason], error.detail ?? error.message);
    result.dataset.state = "bad";
    result.textContent = reason.startsWith("witness") ? T.bad_witness : T.bad_all;
  }
  field("go").disabled = false;
}

translate();
field("form").addEventListener("submit", run);
field("form").hidden = false;
