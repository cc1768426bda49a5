// Doubts first: the list, best first, and what is said of each place. After each answer the next open place is shown.
import { renew } from "./lists.js";
const { say } = globalThis;
const SHOWN = 300;

export class Doubts {
  constructor(model, player, pictures) {
    Object.assign(this, { model, player, pictures });
    this.list = document.getElementById("doubt-list");
    this.count = document.getElementById("doubt-count");
    for (const [id, as] of [["doubt-cover", "covered"], ["doubt-no", "not a face"], ["doubt-later", "later"]]) {
      document.getElementById(id).addEventListener("click", () => this.settle(as));
    }
    this.list.addEventListener("click", (event) => {
      const id = event.target.closest("button")?.dataset.doubt;
      if (id !== undefined) this.go(this.model.state.doubts.find((one) => one.id === id));
    });
    model.on("state doubt", () => this.tell());
  }

  get open() { return this.model.state.doubts.filter((one) => !one.settled); }

  tell() {
    const { doubts } = this.model.state;
    const now = this.model.doubt && doubts.find((one) => one.id === this.model.doubt.id);
    this.model.doubt = now ?? null;
    this.count.textContent = doubts.length ? say("doubts.left", { open: this.open.length, all: doubts.length }) : say("doubts.none");
    const from = Math.max(0, doubts.indexOf(now) - SHOWN / 2);
    renew(this.list, doubts.slice(from, from + SHOWN).map((one) => this.row(one)));
    for (const id of ["doubt-cover", "doubt-no", "doubt-later"]) document.getElementById(id).disabled = !now;
    this.list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  row(doubt) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.doubt = doubt.id;
    if (doubt.id === this.model.doubt?.id) button.setAttribute("aria-current", "true");
    const why = document.createElement("span");
    why.textContent = doubt.why.split(",").map((one) => say(`why.${one}`)).join("; ");
    const where = document.createElement("span");
    where.className = "soft";
    where.textContent = `${this.model.clock(doubt.frame)}${doubt.settled ? ` - ${say(`settled.${doubt.settled}`)}` : ""}`;
    button.append(why, " ", where);
    item.append(button);
    return item;
  }

  go(doubt) {
    if (!doubt) return;
    this.player.pause();
    this.model.doubt = doubt;
    this.model.go(doubt.frame);
    this.model.tell("doubt");
    const next = this.after(1);
    if (next && next !== doubt) this.pictures.get(next.frame).catch(() => {});
  }

  /** Return the next open place after this one, round and round. */
  after(by) {
    const { doubts } = this.model.state;
    const at = doubts.findIndex((one) => one.id === this.model.doubt?.id);
    for (let step = 1; step <= doubts.length; step += 1) {
      const one = doubts[(((at < 0 && by < 0 ? 0 : at) + step * by) % doubts.length + doubts.length) % doubts.length];
      if (!one.settled) return one;
    }
    return null;
  }

  next(by = 1) {
    const one = this.after(by);
    if (one) this.go(one);
    else if (this.model.state.doubts.length) this.model.say(say("doubts.done"));
  }

  async settle(as) {
    const { doubt } = this.model;
    if (!doubt || this.busy) return;
    if (as === "not a face" && doubt.track !== null && !(await this.model.mayUncover())) return;
    this.busy = true;
    const taken = await this.model.edit({ do: "settle", doubt: doubt.id, as });
    this.busy = false;
    if (taken) this.next();
  }
}
