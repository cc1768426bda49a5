// The timeline: tracks as bars, doubtful places, cuts, frames covered whole, and where one is. Pressing it goes there.
const COLOURS = { found: "#2f7fd0", drawn: "#b87900", followed: "#b87900", kept: "#1f9c53", doubt: "#c02a9d", whole: "#8a8a8a", cut: "#777", at: "#d02020" };
const ROW = 5, ROWS = 14;

export class Timeline {
  constructor(model, player) {
    this.model = model;
    this.canvas = document.getElementById("timeline");
    model.on("state frame chosen doubt", () => this.later());
    new ResizeObserver(() => this.later()).observe(this.canvas);
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      player.pause();
      this.goTo(event);
    });
    this.canvas.addEventListener("pointermove", (event) => { if (this.canvas.hasPointerCapture(event.pointerId)) this.goTo(event); });
  }

  goTo(event) {
    const box = this.canvas.getBoundingClientRect();
    this.model.go(((event.clientX - box.left) / box.width) * this.model.frames - 0.5);
  }

  later() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.draw(); });
  }

  /** Tracks in rows, so that none lies on another as long as the rows suffice. */
  rows() {
    if (this.laidOut?.of === this.model.state.tracks) return this.laidOut.rows;
    const ends = [];
    const rows = this.model.state.tracks.map((track) => {
      let row = ends.findIndex((end) => end < track.first);
      if (row < 0) row = ends.length < ROWS ? ends.length : ends.indexOf(Math.min(...ends));
      ends[row] = track.last;
      return row;
    });
    this.laidOut = { of: this.model.state.tracks, rows, count: Math.max(1, ends.length) };
    return rows;
  }

  draw() {
    const { model, canvas } = this;
    if (!model.state || !canvas.clientWidth) return;
    const rows = this.rows();
    const dots = window.devicePixelRatio || 1;
    const height = this.laidOut.count * ROW + 22;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(canvas.clientWidth * dots);
    canvas.height = Math.round(height * dots);
    const pen = canvas.getContext("2d");
    const x = (frame) => (frame / model.frames) * canvas.clientWidth;
    pen.scale(dots, dots);
    const bar = (first, last, y, tall, colour) => {
      pen.fillStyle = colour;
      pen.fillRect(x(first), y, Math.max(2, x(last + 1) - x(first)), tall);
    };
    pen.globalAlpha = 0.35;
    for (const [first, last] of model.state.whole) bar(first, last, 0, height, COLOURS.whole);
    pen.globalAlpha = 1;
    for (const cut of model.state.cuts ?? []) bar(cut, cut - 1, 0, height, COLOURS.cut);
    for (const [first, last] of model.state.changed_frames) bar(first, last, height - 4, 4, COLOURS.drawn);
    model.state.tracks.forEach((track, at) => {
      const chosen = model.chosen.has(track.number);
      const colour = model.isKept(track.number) ? COLOURS.kept : COLOURS[track.origin] ?? COLOURS.found;
      bar(track.first, track.last, 12 + rows[at] * ROW, chosen ? ROW : ROW - 1.5, chosen ? COLOURS.at : colour);
    });
    for (const doubt of model.state.doubts) {
      if (doubt.settled && doubt.settled !== "later") continue;
      pen.fillStyle = COLOURS.doubt;
      pen.beginPath();
      pen.arc(x(doubt.frame + 0.5), 6, doubt.id === model.doubt?.id ? 5 : 3, 0, 7);
      pen.fill();
    }
    pen.fillStyle = COLOURS.at;
    pen.fillRect(x(model.frame + 0.5) - 1, 0, 2, height);
  }
}
