// Mouse, pen and finger on the picture: a box is drawn or moved, covers are brushed over, a zone gets corners, a person is chosen.
const LEAST = 4;

export class Pointer {
  constructor(model, stage, tools) {
    Object.assign(this, { model, stage, tools, down: null, fingers: new Map() });
    const { canvas } = stage;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.end(event));
    canvas.addEventListener("pointercancel", (event) => this.end(event, true));
    canvas.addEventListener("dblclick", () => { if (tools.tool === "zone") tools.confirm(); });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const dots = canvas.width / canvas.getBoundingClientRect().width;
      stage.zoomTo(stage.zoom * 2 ** (-event.deltaY / 300), [event.offsetX * dots, event.offsetY * dots]);
    }, { passive: false });
  }

  begin(event) {
    this.stage.canvas.setPointerCapture(event.pointerId);
    if (event.pointerType === "touch") this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.fingers.size === 2) { this.giveUp(); this.pinch = this.spread(); return; }
    if (event.button !== 0 && event.pointerType === "mouse") { this.down = { way: "pan", last: [event.clientX, event.clientY] }; return; }
    const at = this.stage.placeOf(event);
    const { panel } = this.model;
    this.tools.player.pause();
    if (panel === "keep") { this.down = { way: "pick", at }; this.stage.see(false); return; }
    if (panel !== "mend") { this.down = { way: "none", at }; return; }
    if (this.tools.tool === "brush") { this.down = { way: "brush" }; this.brush(at); return; }
    if (this.tools.tool === "zone") { this.tools.addPoint(at); return; }
    this.down = this.grip(at) ?? { way: "draw", from: at };
  }

  /** What of the chosen box is under the pointer: a corner, or its inside. */
  grip(at) {
    const box = this.tools.movable();
    if (!box) return null;
    const near = 10 / this.stage.dotsOfPixel * (window.devicePixelRatio || 1);
    const side = (axis) => (Math.abs(at[axis] - box[axis]) < near ? axis : Math.abs(at[axis] - box[axis + 2]) < near ? axis + 2 : null);
    const inside = (axis) => at[axis] > box[axis] - near && at[axis] < box[axis + 2] + near;
    const [x, y] = [side(0), side(1)];
    if (!inside(0) || !inside(1)) return null;
    if (x !== null && y !== null) return { way: "resize", sides: [x, y], box };
    return { way: "shift", from: at, box };
  }

  move(event) {
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.pinch && this.fingers.size === 2) { this.twoFingers(); return; }
    if (!this.down) return;
    const { down, stage } = this;
    const at = stage.placeOf(event);
    if (down.way === "pan") {
      const dots = window.devicePixelRatio || 1;
      stage.moveBy((event.clientX - down.last[0]) * dots, (event.clientY - down.last[1]) * dots);
      down.last = [event.clientX, event.clientY];
    } else if (down.way === "brush") this.brush(at);
    else if (down.way === "draw") this.tools.show([Math.min(down.from[0], at[0]), Math.min(down.from[1], at[1]), Math.max(down.from[0], at[0]), Math.max(down.from[1], at[1])]);
    else if (down.way === "shift") this.tools.show(down.box.map((edge, axis) => edge + at[axis % 2] - down.from[axis % 2]));
    else if (down.way === "resize") {
      const box = [...down.box];
      down.sides.forEach((side, axis) => { box[side] = at[axis]; });
      this.tools.show([Math.min(box[0], box[2]), Math.min(box[1], box[3]), Math.max(box[0], box[2]), Math.max(box[1], box[3])]);
    }
  }

  end(event, cancelled = false) {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size < 2) this.pinch = null;
    const { down } = this;
    this.down = null;
    if (!down) return;
    const at = this.stage.placeOf(event);
    if (down.way === "pick") {
      this.stage.unsee();
      const found = this.under(at);
      if (!cancelled && found) this.tools.pick(found.track);
      return;
    }
    if (cancelled) { this.tools.show(null); return; }
    if (down.way === "none") { const found = this.under(at); this.model.choose(found ? [found.track] : []); }
    if (down.way === "draw") {
      const { draft } = this.stage;
      const large = draft && draft[2] - draft[0] >= LEAST && draft[3] - draft[1] >= LEAST;
      if (large && Math.hypot(at[0] - down.from[0], at[1] - down.from[1]) * this.stage.dotsOfPixel > 6) this.tools.drawn();
      else { this.tools.show(null); const found = this.under(at); this.model.choose(found ? [found.track] : [], { add: event.ctrlKey || event.metaKey || event.shiftKey }); }
    }
    if (down.way === "shift" || down.way === "resize") this.tools.moved();
  }

  giveUp() { if (this.down) { this.down = null; this.tools.show(null); this.stage.unsee(); } }

  under([x, y]) {
    const hit = this.model.boxesAt(this.model.frame).filter(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    return hit.sort((a, b) => area(a.box) - area(b.box))[0];
  }

  brush(at) {
    const found = this.under(at);
    if (found && !this.model.chosen.has(found.track)) this.model.choose([found.track], { add: true });
  }

  spread() {
    const [a, b] = [...this.fingers.values()];
    return { far: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], zoom: this.stage.zoom };
  }

  twoFingers() {
    const now = this.spread();
    const frame = this.stage.canvas.getBoundingClientRect();
    const dots = this.stage.canvas.width / frame.width;
    this.stage.moveBy((now.middle[0] - this.pinch.middle[0]) * dots, (now.middle[1] - this.pinch.middle[1]) * dots);
    this.stage.zoomTo((this.pinch.zoom * now.far) / this.pinch.far, [(now.middle[0] - frame.left) * dots, (now.middle[1] - frame.top) * dots]);
    this.pinch.middle = now.middle;
  }
}

const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
