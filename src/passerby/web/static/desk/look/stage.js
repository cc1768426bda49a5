// The picture: the veiled frame as the file will show it, boxes over it, zoom, and places on the screen as places in the coded picture.
import { fetched } from "./pictures.js";

const COLOURS = { found: "#2f9bff", drawn: "#ffb000", followed: "#ffb000", kept: "#37d67a", chosen: "#ffffff", doubt: "#ff4fd8", draft: "#ffe14d" };
const COVER = "#707070";

export class Stage {
  constructor(model, pictures) {
    this.model = model;
    this.pictures = pictures;
    this.place = document.getElementById("stage");
    this.canvas = document.getElementById("picture");
    this.bare = document.getElementById("bare");
    this.zoom = 1;
    this.pan = [0, 0];
    this.draft = null;
    this.points = null;
    this.cross = null;
    this.bareHere = null;
    this.wanted = 0;
    model.on("frame", () => this.show());
    model.on("exported", () => this.show());
    model.on("state boxes chosen doubt panel", () => this.draw());
    new ResizeObserver(() => this.fit()).observe(this.place);
  }

  /** Size of the picture as it is shown, before zoom: turned as a player turns it. */
  get turned() {
    const [width, height] = this.model.size;
    return this.model.state.rotation % 180 ? [height, width] : [width, height];
  }

  fit() {
    const [width, height] = this.turned;
    const box = this.place.clientWidth;
    if (!box) return;
    const most = Math.max(220, window.innerHeight * 0.62);
    this.scale = Math.min(box / width, most / height);
    this.shown = [Math.round(width * this.scale), Math.round(height * this.scale)];
    const dots = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.bare]) {
      canvas.width = Math.round(this.shown[0] * dots);
      canvas.height = Math.round(this.shown[1] * dots);
      canvas.style.width = `${this.shown[0]}px`;
      canvas.style.height = `${this.shown[1]}px`;
    }
    this.choosePixels();
    this.show();
  }

  choosePixels() {
    const [coded] = this.model.size;
    const side = this.model.state.rotation % 180 ? this.canvas.height : this.canvas.width;
    this.pictures.width = Math.min(coded, Math.ceil((side * this.zoom) / 320) * 320);
  }

  /** Show the frame that the model is at, as soon as it is here; until then the one before stays. */
  async show() {
    const frame = this.model.frame;
    this.draw();
    if (this.pictures.at(frame)) {
      this.pictures.prefetch(frame, this.model.direction ?? 1);
      return;
    }
    this.wanted = frame;
    if (this.fetching) return;
    this.fetching = true;
    try {
      while (!this.pictures.at(this.wanted)) await this.pictures.get(this.wanted);
    } catch (error) {
      this.model.say(error.message, true);
    } finally {
      this.fetching = false;
    }
    this.draw();
    this.pictures.prefetch(this.model.frame, this.model.direction ?? 1);
  }

  /** Matrix from places in the coded picture to dots of the canvas. */
  matrix() {
    const [width, height] = this.model.size;
    const turn = { 0: [1, 0, 0, 1, 0, 0], 90: [0, -1, 1, 0, 0, width], 180: [-1, 0, 0, -1, width, height], 270: [0, 1, -1, 0, height, 0] };
    const dots = (window.devicePixelRatio || 1) * this.scale * this.zoom;
    return new DOMMatrix([dots, 0, 0, dots, this.pan[0], this.pan[1]]).multiply(new DOMMatrix(turn[this.model.state.rotation] ?? turn[0]));
  }

  /** Return where in the coded picture a pointer is. */
  placeOf(event) {
    const frame = this.canvas.getBoundingClientRect();
    const dots = this.canvas.width / frame.width;
    const at = new DOMPoint((event.clientX - frame.left) * dots, (event.clientY - frame.top) * dots);
    const { x, y } = at.matrixTransform(this.matrix().inverse());
    const [width, height] = this.model.size;
    return [Math.max(0, Math.min(width, x)), Math.max(0, Math.min(height, y))];
  }

  /** Dots of the canvas that a length of the coded picture takes. */
  get dotsOfPixel() { return (window.devicePixelRatio || 1) * this.scale * this.zoom; }

  zoomTo(zoom, at = [this.canvas.width / 2, this.canvas.height / 2]) {
    const to = Math.max(1, Math.min(12, zoom));
    this.pan = this.pan.map((pan, axis) => at[axis] - ((at[axis] - pan) * to) / this.zoom);
    this.zoom = to;
    this.moveBy(0, 0);
    this.choosePixels();
    this.show();
  }

  moveBy(dx, dy) {
    const size = [this.canvas.width, this.canvas.height];
    this.pan = [this.pan[0] + dx, this.pan[1] + dy].map((pan, axis) => Math.min(0, Math.max(size[axis] * (1 - this.zoom), pan)));
    this.draw();
  }

  draw() {
    if (!this.model.state || !this.shown) return;
    const picture = this.pictures.at(this.model.frame);
    this.paint(this.canvas, picture ?? this.last);
    if (picture) this.last = picture;
    this.place.dataset.frame = picture ? String(this.model.frame) : "";
    if (this.bareHere) this.paint(this.bare, this.bareHere, false);
  }

  paint(canvas, picture, veiled = true) {
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#222";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(this.matrix());
    const [width, height] = this.model.size;
    try {
      if (picture) pen.drawImage(picture, 0, 0, width, height);
    } catch { /* it was let go of meanwhile */ }
    if (veiled) this.paintCovers(pen);
    this.paintMarks(pen);
  }

  /** What the result will cover and does not yet. */
  paintCovers(pen) {
    if (!this.model.isChanged(this.model.frame)) return;
    pen.fillStyle = COVER;
    for (const one of this.model.boxesAt(this.model.frame)) if (!this.model.isKept(one.track)) pen.fillRect(...span(one.box));
  }

  paintMarks(pen) {
    const thin = 1.5 * (window.devicePixelRatio || 1) / this.dotsOfPixel;
    const outline = (box, colour, wide = 1, dashes = []) => {
      pen.lineWidth = thin * wide;
      pen.strokeStyle = colour;
      pen.setLineDash(dashes.map((one) => one * thin));
      pen.strokeRect(...span(box));
    };
    const { panel, doubt, frame } = this.model;
    for (const one of this.model.boxesAt(frame)) {
      if (this.model.isKept(one.track)) outline(one.box, COLOURS.kept, 2, [6, 3]);
      else if (this.model.chosen.has(one.track)) { outline(one.box, "#000", 4); outline(one.box, COLOURS.chosen, 2); }
      else if (panel === "mend" || panel === "keep") outline(one.box, COLOURS[this.model.track(one.track)?.origin] ?? COLOURS.found, 1);
    }
    if (doubt?.box && panel === "doubts" && doubt.first <= frame && frame <= doubt.last) { outline(doubt.box, "#000", 4); outline(doubt.box, COLOURS.doubt, 2); }
    const zone = (points, closed) => {
      pen.beginPath();
      points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      if (closed) pen.closePath();
      pen.stroke();
    };
    pen.setLineDash([]);
    pen.lineWidth = thin * 1.5;
    pen.strokeStyle = COLOURS.draft;
    const [width, height] = this.model.size;
    if (panel === "mend") for (const one of this.model.state.zones) zone(one.points.map(([x, y]) => [x * width, y * height]), true);
    if (this.points?.length) zone(this.points, false);
    if (this.cross) { const [x, y] = this.cross; const far = 12 * thin; zone([[x - far, y], [x + far, y]]); zone([[x, y - far], [x, y + far]]); }
    if (this.draft) { outline(this.draft, "#000", 4); outline(this.draft, COLOURS.draft, 2, [5, 3]); }
  }

  /** Show the original of this frame, beside the result or in its place, until it is let go of. */
  async see(beside) {
    this.seeing?.abort();
    const seeing = new AbortController();
    this.seeing = seeing;
    this.beside = beside;
    try {
      const picture = await fetched(this.model, this.model.frame, "original", this.pictures.width, seeing.signal);
      if (seeing.signal.aborted) { picture.close(); return; }
      this.bareHere?.close();
      this.bareHere = picture;
      this.bare.hidden = false;
      this.place.dataset.bare = beside ? "beside" : "over";
      this.paint(this.bare, picture, false);
    } catch (error) {
      if (error.name !== "AbortError") this.model.say(error.message, true);
    }
  }

  /** Let go of the original: nothing of it stays in the page. */
  unsee() {
    this.seeing?.abort();
    this.seeing = null;
    this.bareHere?.close();
    this.bareHere = null;
    this.bare.hidden = true;
    delete this.place.dataset.bare;
    const pen = this.bare.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.bare.width, this.bare.height);
  }
}

const span = ([x0, y0, x1, y1]) => [x0, y0, x1 - x0, y1 - y0];
