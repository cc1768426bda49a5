// Mending: a box is drawn and followed, moved, brushed away, split, joined; zones. Every way has a button, a key and a gesture.
import { follow } from "./following.js";
import { renew } from "./lists.js";
const { say } = globalThis;
const by = (id) => document.getElementById(id);

export class Tools {
  constructor(model, stage, player, keep) {
    Object.assign(this, { model, stage, player, keep, tool: "box", correcting: null, following: null });
    for (const radio of document.querySelectorAll("input[name=tool]")) radio.addEventListener("change", () => this.take(radio.value));
    const buttons = {
      "draft-new": () => this.start(), "draft-follow": () => this.confirm(), "draft-here": () => this.coverHere(), "draft-cancel": () => this.cancel(),
      "stop": () => this.cancel(), "correct": () => this.startCorrecting(), "away": () => this.takeAway(), "split": () => this.split(),
      "join": () => this.join(), "zone-close": () => this.confirm(), "zone-cancel": () => this.cancel(),
    };
    for (const [id, run] of Object.entries(buttons)) by(id).addEventListener("click", run);
    by("what").addEventListener("change", () => this.tellStyle());
    by("tracks").addEventListener("change", (event) => this.model.choose([Number(event.target.value)], { add: true }));
    by("zones").addEventListener("click", (event) => {
      const name = event.target.closest("button")?.dataset.zone;
      if (name !== undefined) this.unzone(name);
    });
    model.on("chosen boxes frame panel state", () => this.tell());
    model.on("frame", () => { if (this.correcting) this.show(null); });
    this.tellStyle();
  }

  take(tool) {
    if (this.following) return;
    this.tool = tool;
    by(`tool-${tool}`).checked = true;
    this.show(null);
    this.stage.points = tool === "zone" ? [] : null;
    this.stage.cross = null;
    this.tell();
    this.stage.draw();
  }

  tellStyle() {
    const face = by("what").value === "face";
    by("style").disabled = face;
    if (face) by("style").value = "solid";
  }

  /** Say what can be done now. */
  tell() {
    const { model, stage } = this;
    const chosen = [...model.chosen];
    const busy = Boolean(this.following);
    by("draft-part").hidden = !stage.draft || busy;
    by("draft-here").hidden = Boolean(this.correcting);
    by("draft-follow").textContent = say(this.correcting ? "mend.save" : "mend.follow");
    by("draft-help").hidden = Boolean(stage.draft) || busy || this.tool !== "box";
    by("brush-help").hidden = this.tool !== "brush";
    by("zone-part").hidden = this.tool !== "zone";
    by("zone-close").disabled = (stage.points?.length ?? 0) < 3;
    by("stop-part").hidden = !busy;
    by("chosen-said").textContent = chosen.length ? say("mend.chosen", { n: chosen.length, list: chosen.slice(0, 8).join(", ") }) : say("mend.none");
    by("correct").disabled = !this.chosenHere;
    by("away").disabled = !chosen.length;
    by("split").disabled = !chosen.some((one) => { const track = model.track(one); return track && track.first < model.frame && model.frame <= track.last; });
    by("join").disabled = chosen.length !== 2;
    if (model.panel === "mend") { this.tellTracks(); this.tellZones(); }
  }

  tellTracks() {
    const here = this.model.boxesAt(this.model.frame).map((one) => one.track);
    const numbers = [...new Set([...here, ...this.model.chosen])];
    const key = JSON.stringify([numbers, [...this.model.chosen], here.length, this.model.state.undo_depth]);
    if (key === this.told) return;
    this.told = key;
    renew(by("tracks"), numbers.map((number) => {
      const track = this.model.track(number);
      const label = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", value: String(number), checked: this.model.chosen.has(number) });
      const text = say("mend.track", { n: number, origin: say(`origin.${track?.origin}`), first: this.model.clock(track?.first ?? 0), last: this.model.clock(track?.last ?? 0) });
      label.append(box, ` ${text}`);
      const item = document.createElement("li");
      item.append(label);
      return item;
    }));
    by("tracks-none").hidden = numbers.length > 0;
  }

  tellZones() {
    renew(by("zones"), this.model.state.zones.map(({ name }) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: say("zone.remove", { name }) });
      button.dataset.zone = name;
      const item = document.createElement("li");
      item.append(button);
      return item;
    }));
  }

  get chosenHere() {
    const [only] = this.model.chosen;
    return this.model.chosen.size === 1 ? this.model.box(only) : undefined;
  }

  /** The box that may be moved by hand: the one that is drawn, else that of the one chosen track. */
  movable() { return this.stage.draft ?? this.chosenHere?.box ?? null; }

  show(box) {
    const [width, height] = this.model.size;
    this.stage.draft = box && clamp(box, width, height);
    if (!box) this.correcting = null;
    this.stage.draw();
    this.tell();
  }

  drawn() {
    this.model.choose([]);
    this.correcting = null;
    this.tell();
    by("draft-follow").focus({ preventScroll: false });
  }

  /** A box was moved by hand: that of a track is saved at once, one that is drawn stays drawn. */
  async moved() {
    const track = this.chosenHere?.track;
    if (track === undefined) { this.tell(); return; }
    await this.saveCorrection(track);
  }

  /** Begin a box in the middle of what is seen, to be moved with the arrow keys. */
  start() {
    if (this.following) return;
    this.take("box");
    this.model.choose([]);
    const [width, height] = this.model.size;
    const side = Math.min(width, height) / (6 * this.stage.zoom);
    const middle = new DOMPoint(this.stage.canvas.width / 2, this.stage.canvas.height / 2).matrixTransform(this.stage.matrix().inverse());
    this.show([middle.x - side / 2, middle.y - side * 0.65, middle.x + side / 2, middle.y + side * 0.65]);
    this.stage.place.focus();
    this.model.say(say("mend.arrows"));
  }

  startCorrecting() {
    const here = this.chosenHere;
    if (!here) return;
    this.correcting = here.track;
    this.stage.draft = here.box;
    this.stage.draw();
    this.tell();
    this.stage.place.focus();
    this.model.say(say("mend.arrows"));
  }

  /** Move or resize what is drawn; returns whether there was anything. */
  nudge(dx, dy, { size = false, fine = false } = {}) {
    const { stage } = this;
    const step = (fine ? 1 : 10) / (stage.scale * stage.zoom);
    const [x, y] = this.unturned(dx * step, dy * step);
    if (stage.draft) {
      const [x0, y0, x1, y1] = stage.draft;
      const correcting = this.correcting;
      this.show(size ? grown([x0, y0, x1, y1], x, y) : [x0 + x, y0 + y, x1 + x, y1 + y]);
      this.correcting = correcting;
      return true;
    }
    if (this.tool !== "zone" || this.model.panel !== "mend") return false;
    const [width, height] = this.model.size;
    const [cx, cy] = stage.cross ?? [width / 2, height / 2];
    stage.cross = [Math.max(0, Math.min(width, cx + x)), Math.max(0, Math.min(height, cy + y))];
    stage.draw();
    return true;
  }

  /** A way on the screen as a way in the coded picture. */
  unturned(x, y) {
    return { 90: [-y, x], 180: [-x, -y], 270: [y, -x] }[this.model.state.rotation] ?? [x, y];
  }

  addPoint(at) {
    if (!at) { if (!this.stage.cross) this.nudge(0, 0); at = this.stage.cross; }
    this.stage.points = [...(this.stage.points ?? []), at];
    this.stage.draw();
    this.tell();
  }

  async confirm() {
    if (this.following) return;
    if (this.tool === "zone" && (this.stage.points?.length ?? 0) >= 3) { await this.saveZone(); return; }
    if (!this.stage.draft) return;
    if (this.correcting !== null) await this.saveCorrection(this.correcting);
    else await this.followDraft();
  }

  /** Stop following in this direction, or give up what is drawn. */
  cancel() {
    if (this.following) { this.following.abort(); return; }
    if (this.stage.points?.length) { this.stage.points = []; this.stage.cross = null; this.stage.draw(); this.tell(); return; }
    if (this.stage.draft) { this.show(null); return; }
    this.model.choose([]);
  }

  async saveCorrection(track) {
    const box = this.stage.draft;
    this.show(null);
    if (box) await this.model.edit({ do: "correct", track, frame: this.model.frame, box });
  }

  async coverHere() {
    const box = this.stage.draft;
    if (!box) return;
    await this.cover([{ frame: this.model.frame, box }], "drawn");
    this.show(null);
  }

  /** Follow what is drawn forwards and then backwards; each box is seen as it comes, and the whole becomes one cover. */
  async followDraft() {
    const from = this.model.frame;
    const boxes = new Map([[from, this.stage.draft]]);
    let lost = false;
    const { draft } = this.stage;
    for (const direction of [1, -1]) {
      this.following = new AbortController();
      by("stop-said").textContent = say(direction > 0 ? "mend.forwards" : "mend.backwards");
      this.tell();
      if (direction > 0) by("stop").focus();
      try {
        for await (const one of follow(this.model, from, draft, direction, this.following.signal)) {
          boxes.set(one.frame, one.box);
          lost ||= one.ended === "lost";
          this.model.go(one.frame);
          this.stage.draft = one.box;
          this.stage.draw();
        }
      } catch (error) {
        if (error.name !== "AbortError") this.model.say(error.message, true);
      }
      this.model.go(from);
      this.stage.draft = draft;
    }
    this.following = null;
    const sorted = [...boxes].sort(([a], [b]) => a - b).map(([frame, box]) => ({ frame, box }));
    const taken = await this.cover(sorted, sorted.length > 1 ? "followed" : "drawn");
    if (taken) this.show(null);
    this.tell();
    this.stage.place.focus();
    if (taken) this.model.say(say(lost ? "mend.lost" : "mend.covered", { first: this.model.clock(sorted[0].frame), last: this.model.clock(sorted.at(-1).frame) }));
  }

  cover(boxes, origin) {
    return this.model.edit({ do: "cover", boxes, style: by("style").value, what: by("what").value, origin });
  }

  async takeAway() {
    if (!this.model.chosen.size || !(await this.model.mayUncover())) return;
    const { frame, frames } = this.model;
    const spans = { all: [0, frames - 1], here: [frame, frame], on: [frame, frames - 1], before: [0, frame] };
    const [first, last] = spans[by("span").value];
    await this.model.edit({ do: "uncover", tracks: [...this.model.chosen], first, last });
  }

  async split() {
    for (const track of this.model.chosen) {
      const { first, last } = this.model.track(track) ?? {};
      if (first < this.model.frame && this.model.frame <= last) await this.model.edit({ do: "split", track, frame: this.model.frame });
    }
  }

  async join() {
    if (this.model.chosen.size !== 2) return;
    const tracks = [...this.model.chosen].sort((a, b) => this.model.track(a).first - this.model.track(b).first);
    await this.model.edit({ do: "join", tracks });
  }

  async saveZone() {
    const [width, height] = this.model.size;
    const names = new Set(this.model.state.zones.map((one) => one.name));
    let number = 1;
    while (names.has(say("zone.name", { n: number }))) number += 1;
    const points = this.stage.points.map(([x, y]) => [x / width, y / height]);
    this.stage.points = [];
    this.stage.cross = null;
    await this.model.edit({ do: "zone", points, name: say("zone.name", { n: number }) });
  }

  async unzone(name) {
    if (await this.model.mayUncover()) await this.model.edit({ do: "unzone", name });
  }

  pick(track) { this.keep.pick(track); }
}

function clamp([x0, y0, x1, y1], width, height) {
  return [Math.max(0, Math.min(x0, width - 2)), Math.max(0, Math.min(y0, height - 2)), Math.min(width, Math.max(x1, 2)), Math.min(height, Math.max(y1, 2))].map((edge) => Math.round(edge * 10) / 10);
}

function grown([x0, y0, x1, y1], x, y) {
  return [x0 - x / 2, y0 - y / 2, Math.max(x0 - x / 2 + 4, x1 + x / 2), Math.max(y0 - y / 2 + 4, y1 + y / 2)];
}
