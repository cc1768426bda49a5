// The first page: the list of folders and files, files that are dropped, and how far each file is.
"use strict";

const OFTEN_MS = 400;
const SELDOM_MS = 3000;
const OVER = new Set(["done", "failed", "stopped"]);
const at = (id) => document.getElementById(id);
const chosen = new Set();
let folder = "";
let listed = null;
let timer = 0;
const phases = new Map();

function element(tag, values = {}, ...children) {
  const made = Object.assign(document.createElement(tag), values);
  made.append(...children);
  return made;
}

function button(text, act, values = {}) {
  const made = element("button", { type: "button", textContent: text, ...values });
  made.addEventListener("click", act);
  return made;
}

/** Do something that may be refused, and say why where it is. */
async function trying(act) {
  const wrong = at("wrong");
  try {
    wrong.hidden = true;
    await act();
  } catch (error) {
    wrong.replaceChildren(error.message, ...(error.hint ? [element("br"), element("code", { textContent: error.hint })] : []));
    wrong.hidden = false;
    wrong.scrollIntoView({ block: "nearest" });
  }
}

function sizeText(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function leftText(seconds) {
  if (seconds >= 3600) return say("left_hours", { hours: Math.floor(seconds / 3600), minutes: Math.round((seconds % 3600) / 60) });
  return seconds >= 90 ? say("left_minutes", { minutes: Math.round(seconds / 60) }) : say("left_seconds", { seconds });
}

// the list

async function show(path) {
  await trying(async () => {
    listed = await ask(`/api/list?folder=${encodeURIComponent(path)}`);
    folder = listed.path;
    chosen.clear();
    draw();
  });
}

function draw() {
  at("folder").textContent = folder;
  at("into").textContent = folder;
  at("up").disabled = !listed.parent;
  at("starts").replaceChildren(
    ...listed.starts.map((one) =>
      element("li", {}, button(one.path === listed.home ? say("home") : one.name, () => show(one.path), { className: one.path === folder ? "here" : "" })),
    ),
  );
  const all = at("everything").checked;
  const files = listed.files.filter((one) => all || one.likely);
  const folders = listed.folders.map(([name, path]) => element("li", {}, button(`${name}/`, () => show(path), { className: "folder" })));
  const rows = files.map((one) => {
    const box = element("input", { type: "checkbox", checked: chosen.has(one.path) });
    box.setAttribute("aria-label", say("choose", { name: one.name }));
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(one.path);
      else chosen.delete(one.path);
      count();
    });
    return element("li", {}, element("label", { className: "check" }, box), button(one.name, () => open([one.path]), { className: "file" }), element("span", { className: "soft", textContent: sizeText(one.size_bytes) }));
  });
  const nothing = folders.length + rows.length ? [] : [element("li", { className: "soft", textContent: say("nothing") })];
  at("entries").replaceChildren(...folders, ...rows, ...nothing);
  at("open-folder").disabled = !listed.files.some((one) => one.likely) && !listed.folders.length;
  at("left-out").hidden = !listed.left_out;
  at("left-out").textContent = say("left_out", { n: listed.left_out });
  count();
}

function count() {
  at("open-chosen").disabled = !chosen.size;
  at("open-chosen").textContent = chosen.size ? say("open_chosen", { n: chosen.size }) : say("open_none");
}

async function open(paths) {
  await trying(async () => {
    await ask("/api/open", { method: "POST", json: { paths } });
    chosen.clear();
    draw();
    await refresh();
    at("opened").scrollIntoView({ block: "nearest" });
  });
}

// files that are dropped

async function drop(files) {
  const most = Number(at("drop").dataset.most);
  for (const file of files) {
    await trying(async () => {
      if (file.size > most) throw Object.assign(new Error(say("too_large", { name: file.name, most: Math.floor(most / 1048576) })), { hint: say("too_large_hint") });
      const named = `name=${encodeURIComponent(file.name)}&folder=${encodeURIComponent(folder)}`;
      await ask(`/api/drop?${named}`, { method: "PUT", body: file });
      await refresh();
    });
  }
}

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) at("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("drop").classList.remove("over");
  if (!at("drop").hidden) drop([...event.dataTransfer.files]);
});

// how far each file is

async function refresh() {
  clearTimeout(timer);
  let told;
  try {
    told = (await ask("/api/files")).files;
  } catch {
    timer = setTimeout(refresh, SELDOM_MS);
    return;
  }
  at("opened").hidden = !told.length;
  const list = at("files");
  for (const one of told) {
    let row = list.querySelector(`[data-id="${one.id}"]`);
    if (!row) {
      row = rowOf(one);
      list.append(row);
    }
    fill(row, one);
  }
  timer = setTimeout(refresh, told.some((one) => !OVER.has(one.phase)) ? OFTEN_MS : SELDOM_MS);
}

function rowOf(one) {
  const row = element("li", {}, element("strong"), element("progress", { max: 1 }), element("span", { className: "state" }), element("span", { className: "acts row" }), element("p", { className: "more soft" }));
  row.dataset.id = one.id;
  return row;
}

function fill(row, one) {
  const [name, bar, state, acts, more] = row.children;
  name.textContent = one.name;
  bar.hidden = OVER.has(one.phase);
  bar.setAttribute("aria-label", say("progress", { name: one.name }));
  if (one.share === null || one.checking || one.phase === "waiting") bar.removeAttribute("value");
  else bar.value = one.share;
  state.textContent = stateText(one);
  state.className = one.phase === "failed" ? "state bad" : "state";
  more.replaceChildren(...moreOf(one));
  if (phases.get(one.id) === one.phase) return;
  phases.set(one.id, one.phase);
  acts.replaceChildren(...actsOf(one));
  if (OVER.has(one.phase)) at("said").textContent = `${one.name}: ${stateText(one)}`;
}

function stateText(one) {
  if (one.phase !== "veiling") return say(one.phase === "done" && one.stood ? "stood" : one.phase, { n: one.faces });
  if (one.checking) return say("checking");
  const parts = [say("veiling")];
  if (one.share !== null) parts.push(`${Math.floor(one.share * 100)} %`);
  if (one.speed) parts.push(say("speed", { n: Math.round(one.speed) }));
  if (one.left_s !== null) parts.push(leftText(one.left_s));
  return parts.join(" · ");
}

function moreOf(one) {
  if (one.phase === "failed") return [inWords(one), ...(one.hint ? [element("br"), element("code", { textContent: one.hint })] : [])];
  if (one.phase !== "done") return [];
  return [say("output", { path: one.output }), ...one.notes.flatMap((note) => [element("br"), note])];
}

function actsOf(one) {
  const act = (what) => () => trying(async () => {
    await ask(`/api/files/${one.id}/${what}`, { method: "POST" });
    await refresh();
  });
  if (one.phase === "done") return [element("a", { className: "button first", href: `/look/${one.id}`, textContent: say("look", { name: one.name }) })];
  if (one.phase === "stopped" || (one.phase === "failed" && one.output)) return [button(say("again"), act("again"))];
  return one.phase === "failed" ? [] : [button(say("stop"), act("stop"))];
}

at("up").addEventListener("click", () => show(listed.parent));
at("everything").addEventListener("change", draw);
at("open-chosen").addEventListener("click", () => open([...chosen]));
at("open-folder").addEventListener("click", () => open([folder]));
show("");
refresh();
