// The page of one file: puts its parts together.
import { Doubts } from "./doubts.js";
import { Export } from "./export.js";
import { Keep } from "./keep.js";
import { Keys } from "./keys.js";
import { Model } from "./model.js";
import { Pictures } from "./pictures.js";
import { Player } from "./player.js";
import { Pointer } from "./pointer.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Tools } from "./tools.js";

const by = (id) => document.getElementById(id);
const PANELS = ["doubts", "mend", "keep", "export"];

const model = new Model(by("file").dataset.id);
try {
  await model.load();
} catch (error) {
  model.say(`${error.message} ${error.hint ?? ""}`, true);
  throw error;
}
by("noted").textContent = (model.state.notes ?? []).join(" · ");
by("noted").hidden = !model.state.notes?.length;
const pictures = new Pictures(model);
const stage = new Stage(model, pictures);
const player = new Player(model, pictures, stage);
const keep = new Keep(model);
const tools = new Tools(model, stage, player, keep);
const doubts = new Doubts(model, player, pictures);
const exporting = new Export(model);
new Timeline(model, player);
new Pointer(model, stage, tools);

function show(panel, focus = false) {
  model.panel = panel;
  for (const one of PANELS) {
    by(`panel-${one}`).hidden = one !== panel;
    by(`tab-${one}`).setAttribute("aria-selected", String(one === panel));
    by(`tab-${one}`).tabIndex = one === panel ? 0 : -1;
  }
  if (focus) by(`tab-${panel}`).focus();
  model.tell("panel");
}
PANELS.forEach((panel, at) => {
  by(`tab-${panel}`).addEventListener("click", () => show(panel));
  by(`tab-${panel}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) show(PANELS[(at + step + PANELS.length) % PANELS.length], true);
  });
});

function hold(button) {
  const begin = () => { player.pause(); stage.see(window.innerWidth >= 900); button.setAttribute("aria-pressed", "true"); };
  const end = () => { stage.unsee(); button.setAttribute("aria-pressed", "false"); };
  button.addEventListener("pointerdown", (event) => { button.setPointerCapture(event.pointerId); begin(); });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if ((event.key === " " || event.key === "Enter") && !event.repeat) { event.preventDefault(); begin(); }
  });
  button.addEventListener("keyup", (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); end(); } });
  document.addEventListener("visibilitychange", end);
  window.addEventListener("pagehide", end);
  return { run: begin, release: end };
}
const original = hold(by("original"));
model.on("frame", () => { if (stage.bareHere || stage.seeing) stage.see(stage.beside); });

for (const [id, run] of [["undo", () => model.undo()], ["redo", () => model.redo()], ["zoom-in", () => stage.zoomTo(stage.zoom * 1.5)],
  ["zoom-out", () => stage.zoomTo(stage.zoom / 1.5)], ["zoom-fit", () => stage.zoomTo(1)], ["doubt-next", () => doubts.next()], ["doubt-before", () => doubts.next(-1)]]) {
  by(id).addEventListener("click", run);
}
model.on("state", () => { by("undo").disabled = !model.state.undo_depth; by("redo").disabled = !model.state.redo_depth; });

const arrow = (x, y) => (event) => {
  if (tools.nudge(x, y, { size: event.shiftKey, fine: event.altKey })) return undefined;
  if (event.shiftKey && stage.zoom > 1) { stage.moveBy(-x * 60, -y * 60); return undefined; }
  if (!x) return false;
  if (event.shiftKey) player.jump(x); else player.step(x);
  return undefined;
};
const mend = (run) => () => { show("mend"); return run(); };
const inDoubts = (as) => () => { if (model.panel !== "doubts") show("doubts"); if (model.doubt) doubts.settle(as); else doubts.next(); };
const pickNth = () => { const [first] = model.chosen; if (first !== undefined) { show("keep"); keep.pick(first); } };

new Keys([
  { keys: [" "], shown: "Space", text: "keys.play", run: () => { if (tools.tool === "zone" && model.panel === "mend") tools.addPoint(); else player.toggle(); } },
  { keys: ["ArrowLeft"], run: arrow(-1, 0) },
  { keys: ["ArrowRight"], shown: "← →", text: "keys.step", run: arrow(1, 0) },
  { keys: ["ArrowUp"], run: arrow(0, -1) },
  { keys: ["ArrowDown"], shown: "Shift ← → ↑ ↓", text: "keys.jump", run: arrow(0, 1) },
  { keys: ["Home"], run: () => { player.pause(); model.go(0); } },
  { keys: ["End"], shown: "Home End", text: "keys.ends", run: () => { player.pause(); model.go(model.frames - 1); } },
  { keys: ["h"], shown: "H", text: "keys.half", run: () => player.half() },
  { keys: ["+", "="], run: () => stage.zoomTo(stage.zoom * 1.5) },
  { keys: ["-"], run: () => stage.zoomTo(stage.zoom / 1.5) },
  { keys: ["0"], shown: "+ − 0", text: "keys.zoom", run: () => stage.zoomTo(1) },
  { keys: ["o"], shown: "O", text: "keys.original", ...original },
  { keys: ["1"], run: () => show("doubts", true) },
  { keys: ["2"], run: () => show("mend", true) },
  { keys: ["3"], run: () => show("keep", true) },
  { keys: ["4"], shown: "1 2 3 4", text: "keys.panels", run: () => show("export", true) },
  { keys: ["d"], shown: "D", text: "keys.next", run: () => { show("doubts"); doubts.next(); } },
  { keys: ["p"], shown: "P", text: "keys.before", run: () => { show("doubts"); doubts.next(-1); } },
  { keys: ["c"], shown: "C", text: "keys.cover", run: inDoubts("covered") },
  { keys: ["x"], shown: "X", text: "keys.no", run: inDoubts("not a face") },
  { keys: ["l"], shown: "L", text: "keys.later", run: inDoubts("later") },
  { keys: ["b"], shown: "B", text: "keys.box", run: mend(() => tools.start()) },
  { keys: ["Enter"], shown: "Enter", text: "keys.confirm", run: () => (stage.draft || stage.points?.length ? void tools.confirm() : false) },
  { keys: ["t"], shown: "T", text: "keys.here", run: () => tools.coverHere() },
  { keys: ["Escape"], shown: "Esc", text: "keys.stop", run: () => tools.cancel() },
  { keys: ["m"], shown: "M", text: "keys.correct", run: mend(() => tools.startCorrecting()) },
  { keys: ["n"], shown: "N", text: "keys.choose", run: () => {
    const here = model.boxesAt(model.frame).map((one) => one.track);
    if (here.length) model.choose([here[(here.indexOf([...model.chosen][0]) + 1) % here.length]]);
  } },
  { keys: ["r"], shown: "R", text: "keys.brush", run: mend(() => tools.take("brush")) },
  { keys: ["Delete", "Backspace"], shown: "Del", text: "keys.away", run: mend(() => tools.takeAway()) },
  { keys: ["s"], shown: "S", text: "keys.split", run: mend(() => tools.split()) },
  { keys: ["j"], shown: "J", text: "keys.join", run: mend(() => tools.join()) },
  { keys: ["z"], shown: "Z", text: "keys.zone", run: mend(() => { tools.take("zone"); tools.nudge(0, 0); stage.place.focus(); }) },
  { keys: ["k"], shown: "K", text: "keys.keep", run: pickNth },
  { keys: ["e"], shown: "E", text: "keys.export", run: () => { show("export"); exporting.begin(); } },
  { keys: ["z"], control: true, shift: false, run: () => void model.undo() },
  { keys: ["y"], control: true, run: () => void model.redo() },
  { keys: ["z"], control: true, shift: true, shown: "Ctrl+Z Ctrl+Y", text: "keys.undo", run: () => void model.redo() },
  { keys: ["u"], shift: false, run: () => void model.undo() },
  { keys: ["u"], shift: true, shown: "U Shift+U", text: "keys.undo_plain", run: () => void model.redo() },
  { keys: ["?"], shown: "?", text: "keys.list", run: () => by("keys").showModal() },
]);

[model.doubt = null] = doubts.open;
model.frame = model.doubt?.frame ?? 0;
stage.fit();
model.tell("state");
show("doubts");
document.body.dataset.ready = "yes";
