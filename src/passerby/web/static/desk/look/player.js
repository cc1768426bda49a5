// Playing by frames: the clock says which frame is due, and what cannot be shown in time is left out, as players do.
const { say } = globalThis;

export class Player {
  constructor(model, pictures, stage) {
    Object.assign(this, { model, pictures, stage, speed: 1, playing: false });
    this.button = document.getElementById("play");
    this.slow = document.getElementById("slow");
    this.range = document.getElementById("seek");
    this.place = document.getElementById("where");
    this.button.addEventListener("click", () => this.toggle());
    this.slow.addEventListener("click", () => this.half());
    document.getElementById("back").addEventListener("click", () => this.step(-1));
    document.getElementById("forth").addEventListener("click", () => this.step(1));
    this.range.addEventListener("input", () => { this.pause(); model.go(Number(this.range.value)); });
    model.on("frame state", () => this.tell());
  }

  tell() {
    const { model } = this;
    this.range.max = String(model.frames - 1);
    this.range.value = String(model.frame);
    const text = say("where", { frame: model.frame, last: model.frames - 1, time: model.clock(model.frame) });
    this.range.setAttribute("aria-valuetext", text);
    this.place.textContent = text;
  }

  step(by) { this.pause(); this.model.go(this.model.frame + by); }
  jump(seconds) { this.pause(); this.model.go(this.model.at((this.model.times[this.model.frame] ?? 0) + seconds)); }
  half() {
    this.speed = this.speed === 1 ? 0.5 : 1;
    this.slow.setAttribute("aria-pressed", String(this.speed !== 1));
    this.begin();
  }
  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.model.frame >= this.model.frames - 1) this.model.go(0);
    this.playing = true;
    this.begin();
    this.button.textContent = say("pause");
    requestAnimationFrame(() => this.turn());
  }

  begin() { this.from = [performance.now(), this.model.times[this.model.frame] ?? 0]; }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.button.textContent = say("play");
  }

  async turn() {
    if (!this.playing) return;
    const [began, time] = this.from;
    const due = this.model.at(time + ((performance.now() - began) / 1000) * this.speed);
    if (due > this.model.frame) {
      await this.pictures.get(due).catch(() => {});
      if (!this.playing) return;
      this.model.go(due);
    }
    if (this.model.frame >= this.model.frames - 1) this.pause();
    else requestAnimationFrame(() => this.turn());
  }
}
