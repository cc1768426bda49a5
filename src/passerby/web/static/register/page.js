"use strict";
// On a camera page: checks every statement's proof against the register's key, and says when the page is out of date.
// The page is complete without this.

const ROOT = document.documentElement.dataset.root;
const AT_ONCE = 6;
let withdrawn = 0;
const WORDS = JSON.parse(document.getElementById("words").textContent);

// Marks an entry everywhere, or only in the statement around one element.
function mark(index, state, text, title = "", around = document) {
  for (const element of around.querySelectorAll(`[data-mark="${index}"]`)) {
    element.textContent = text;
    element.dataset.state = state;
    element.title = title;
    element.hidden = false;
  }
}

async function checkEntry(index, elements, key) {
  const proof = parseProof(await fetchBytes(`${ROOT}proof/${index}`, MAX_NOTE_BYTES + 100_000));
  if (proof.index !== index) throw new Refused("index");
  const checkpoint = await openCheckpoint(proof.checkpoint, key);
  if (proof.entry === null) return checkWithdrawn(proof, checkpoint, key);
  await checkInclusion(index, checkpoint.size, await leafHash(proof.entry), proof.path, checkpoint.root);
  const entry = parseEntry(proof.entry);
  mark(index, "good", WORDS.good);
  let wrong = 0;
  for (const element of elements) {
    try {
      checkClaim(element, entry);
    } catch (error) {
      wrong += 1;
      markBad(index, error, element.closest(".row, .card, li, tr, section") ?? document);
    }
  }
  return wrong === 0;
}

// A proof without its entry: the operator must have said, signed, that it was withdrawn. What is shown of it is its word only.
async function checkWithdrawn({ index, path }, { origin, size, root }, key) {
  const base = new URL(ROOT, location.href);
  const first = await parseKey(utf8(await fetchBytes(new URL("vkey", base), 10_000)).trimEnd());
  const followed = await Log.followKey(base, first);
  if (!same(followed.key.public, key.public)) throw new Refused("unsigned", "vkey");
  const tombstone = await readTombstone(base, Math.floor(index / TILE), origin, followed.keys);
  if (!tombstone?.places.has(index % TILE)) throw new Refused("format", "proof without its entry");
  await checkInclusion(index, size, tombstone.leaves[index % TILE], path, root);
  mark(index, "warn", WORDS.withdrawn);
  withdrawn += 1;
  return true;
}

// Says once for each section whether its statements were checked, and opens those where one failed.
function summarise() {
  for (const shown of document.querySelectorAll("[data-checked]")) {
    const section = shown.closest("section");
    const marks = [...section.querySelectorAll("[data-mark]")];
    const bad = marks.some((element) => element.dataset.state === "bad");
    const gone = marks.some((element) => element.dataset.state === "warn");
    if (!bad && (marks.length === 0 || marks.some((element) => !element.dataset.state))) continue;
    shown.textContent = bad ? WORDS.bad : gone ? WORDS.withdrawn : WORDS.good;
    shown.dataset.state = bad ? "bad" : gone ? "warn" : "good";
    shown.hidden = false;
    if (bad) shown.closest("details").open = true;
    for (const folded of section.querySelectorAll('details.earlier:has([data-state="bad"])')) folded.open = true;
  }
}

function markBad(index, error, around = document) {
  if (!(error instanceof Refused) || error.reason === "browser") throw error;
  mark(index, "bad", `${WORDS.bad}: ${WORDS.reason[error.reason]}`, error.detail, around);
}

async function checkPage() {
  const summary = document.getElementById("checked");
  const claims = [...claimsIn(document)];
  summary.hidden = false;
  summary.textContent = WORDS.waiting;
  let bad = 0;
  try {
    const key = await parseKey(document.documentElement.dataset.vkey);
    const checkOne = async ([index, elements]) => {
      try {
        if (!(await checkEntry(index, elements, key))) bad += 1;
      } catch (error) {
        markBad(index, error);
        bad += 1;
      }
    };
    for (let begin = 0; begin < claims.length; begin += AT_ONCE) {
      await Promise.all(claims.slice(begin, begin + AT_ONCE).map(checkOne));
    }
  } catch (error) {
    summary.dataset.state = "unable";
    summary.textContent = WORDS.unable;
    if (!(error instanceof Refused)) throw error;
    return;
  }
  summarise();
  summary.dataset.state = bad ? "bad" : "good";
  summary.textContent = (bad ? WORDS.some_bad : WORDS.all_good).replace("{n}", bad || claims.length - withdrawn);
  if (withdrawn) summary.textContent += ` ${WORDS.some_withdrawn.replace("{n}", withdrawn)}`;
}

// A page that was kept, or that nobody writes any more, must not go on saying "on".
function checkAge() {
  for (const element of document.querySelectorAll("[data-due]")) {
    const left = Date.parse(element.dataset.due) - Date.now();
    if (left > 0) {
      setTimeout(checkAge, Math.min(left + 1000, 2 ** 31 - 1));
    } else {
      element.dataset.light = "unknown";
      element.querySelector("[data-light-word]").textContent = WORDS.unknown;
      const stale = element.querySelector("[data-stale]");
      if (stale) stale.hidden = false;
    }
  }
}

// Beside each instant in UTC the reader's own time, with the day where that is another one.
function tellLocalTime() {
  const page = document.documentElement.lang;
  const language = navigator.languages.find((name) => name.startsWith(page)) ?? page;
  for (const element of document.querySelectorAll("main time[datetime*=T]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0) continue;
    const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" };
    if (at.getDate() !== at.getUTCDate()) Object.assign(options, { day: "numeric", month: "short" });
    const local = document.createElement("span");
    local.className = "local";
    local.textContent = ` (${new Intl.DateTimeFormat(language, options).format(at)})`;
    element.after(local);
  }
}

checkAge();
tellLocalTime();
if (document.getElementById("checked")) checkPage();
