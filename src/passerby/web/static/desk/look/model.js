// What the page knows of the file: its state as the desk told it last, the frame that is shown, what is chosen. Others listen to changes.
const { ask, say } = globalThis;
const CHUNK = 200;

export class Model extends EventTarget {
  constructor(id) {
    super();
    this.id = id;
    this.base = `/api/files/${encodeURIComponent(id)}`;
    this.state = null;
    this.times = [];
    this.frame = 0;
    this.panel = "doubts";
    this.chosen = new Set();
    this.doubt = null;
    this.exports = 0;
    this.warned = false;
    this.changing = Promise.resolve();
    this.boxes = new Map();
    this.asked = new Map();
  }

  get frames() { return this.state.frames; }
  get size() { return [this.state.width, this.state.height]; }

  tell(name) { this.dispatchEvent(new Event(name)); }
  on(names, run) { for (const name of names.split(" ")) this.addEventListener(name, run); }

  async load() {
    const told = await ask(`${this.base}/state`);
    this.times = told.times_s;
    this.take(told);
  }

  take(told) {
    this.state = { ...this.state, ...told };
    this.asked = new Map();
    for (const track of [...this.chosen]) if (!this.track(track)) this.chosen.delete(track);
    this.tell("state");
    this.tell("chosen");
    this.need(this.frame);
  }

  /** Send one edit. Returns whether it was taken; says what was wrong otherwise. */
  async edit(edit) { return this.change(() => this.send("edits", edit)); }
  async undo() { return this.change(async () => this.state.undo_depth > 0 && this.send("undo", {}, "undone")); }
  async redo() { return this.change(async () => this.state.redo_depth > 0 && this.send("redo", {}, "redone")); }

  /** Make changes one after another, as they were asked for. */
  change(run) {
    const done = this.changing.then(run);
    this.changing = done;
    return done;
  }

  async send(way, json, done = "saved") {
    try {
      const { steps } = this.state;
      this.take(await ask(`${this.base}/${way}${steps === undefined ? "" : `?seen=${steps}`}`, { method: "POST", json }));
    } catch (error) {
      if (error.status === 409) await this.load().catch(() => {}); // another window was faster: its state is shown
      this.say(`${error.message}${error.hint ? ` ${error.hint}` : ""}`, true);
      return false;
    }
    this.say(say(done));
    return true;
  }

  say(text, bad = false) {
    const place = document.getElementById(bad ? "wrong" : "said");
    document.getElementById(bad ? "said" : "wrong").textContent = "";
    place.textContent = text;
  }

  go(frame) {
    const to = Math.max(0, Math.min(this.frames - 1, Math.round(frame)));
    this.direction = to < this.frame ? -1 : 1;
    if (to === this.frame) return;
    this.frame = to;
    this.need(to);
    this.tell("frame");
  }

  /** Return the frame that is shown at a time, in seconds. */
  at(time) {
    let low = 0, high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= time) low = middle + 1; else high = middle;
    }
    return Math.max(0, low - 1);
  }

  clock(frame) {
    const time = this.times[frame] ?? 0;
    const seconds = (time % 60).toFixed(2).padStart(5, "0");
    return `${Math.floor(time / 60)}:${seconds}`;
  }

  track(number) { return this.state.tracks.find((one) => one.number === number); }
  box(number, frame = this.frame) { return this.boxesAt(frame).find((one) => one.track === number); }
  boxesAt(frame) { return this.boxes.get(frame) ?? []; }
  isChanged(frame) { return this.state.changed_frames.some(([first, last]) => first <= frame && frame <= last); }
  isKept(number) { return this.state.kept?.tracks.includes(number) ?? false; }

  choose(tracks, { add = false } = {}) {
    if (!add) this.chosen.clear();
    for (const track of tracks) if (add && tracks.length === 1 && this.chosen.has(track)) this.chosen.delete(track); else this.chosen.add(track);
    this.tell("chosen");
  }

  /** See to it that the boxes around a frame are here. */
  async need(frame) {
    const part = Math.floor(frame / CHUNK);
    if (this.asked.has(part)) return this.asked.get(part);
    const asked = this.asked;
    const coming = this.fetchBoxes(part, asked);
    asked.set(part, coming);
    return coming;
  }

  async fetchBoxes(part, asked) {
    const last = Math.min(this.frames - 1, (part + 1) * CHUNK - 1);
    const told = await ask(`${this.base}/boxes?first=${part * CHUNK}&last=${last}`);
    if (asked !== this.asked || asked.get(part) === undefined) return;
    for (let frame = part * CHUNK; frame <= last; frame += 1) this.boxes.set(frame, []);
    for (const [at, rows] of Object.entries(told.boxes)) {
      this.boxes.set(Number(at), rows.map(([track, ...box]) => ({ track, box: box.slice(0, 4) })));
    }
    this.tell("boxes");
  }

  /** Ask once before covers are taken away by hand. */
  async mayUncover() {
    if (this.warned) return true;
    const dialog = document.getElementById("uncover");
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((done) => { dialog.addEventListener("close", done, { once: true }); });
    this.warned = dialog.returnValue === "yes";
    return this.warned;
  }
}
