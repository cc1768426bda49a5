// Doubts first: the list, best first, and what is said of each place. After each answer the next open place is shown.
const { say } = globalThis;
const SHOWN = 300;

export class Doubts {
  constructor(model, player) {
    Object.assign(this, { model, player });
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
    this.list.replaceChildren(...doubts.slice(from, from + SHOWN).map((one) => this.row(one)));
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
    why.textContent = say(`why.${doubt.why}`) === `why.${doubt.why}` ? doubt.why : say(`why.${doubt.why}`);
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
  }

  /** Go to the next open place after this one, round and round. */
  next(by = 1) {
    const { doubts } = this.model.state;
    const at = doubts.findIndex((one) => one.id === this.model.doubt?.id);
    for (let step = 1; step <= doubts.length; step += 1) {
      const one = doubts[(((at < 0 && by < 0 ? 0 : at) + step * by) % doubts.length + doubts.length) % doubts.length];
      if (!one.settled) { this.go(one); return; }
    }
    if (doubts.length) this.model.say(say("doubts.done"));
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
