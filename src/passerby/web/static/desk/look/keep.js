// Keep one person: somebody is chosen in the original, and the pieces that may follow are offered by place and time alone.
import { renew } from "./lists.js";
const { ask, say } = globalThis;

export class Keep {
  constructor(model) {
    this.model = model;
    this.people = document.getElementById("people");
    this.pieces = document.getElementById("pieces");
    this.why = document.getElementById("why");
    this.other = document.getElementById("why-other");
    this.why.addEventListener("change", () => this.told());
    this.other.addEventListener("change", () => this.told());
    document.getElementById("unkeep").addEventListener("click", () => model.edit({ do: "unkeep" }));
    for (const list of [this.people, this.pieces]) {
      list.addEventListener("click", (event) => {
        const { track, go } = event.target.closest("button")?.dataset ?? {};
        if (go !== undefined) model.go(Number(go));
        else if (track !== undefined) this.pick(Number(track));
      });
    }
    model.on("state frame boxes panel", () => this.tell());
    model.on("state", () => this.offer());
  }

  get reason() { return this.why.value === "other" ? this.other.value.trim() : this.why.value; }

  /** Another reason was given: it is saved where somebody is kept already. */
  async told() {
    document.getElementById("why-other-row").hidden = this.why.value !== "other";
    const { kept } = this.model.state;
    if (kept && this.reason && this.reason !== kept.why) await this.model.edit({ do: "keep", tracks: kept.tracks, why: this.reason });
  }

  async pick(track) {
    if (!this.reason) { this.model.say(say("keep.reason"), true); (this.why.value === "other" ? this.other : this.why).focus(); return; }
    const before = this.model.state.kept?.tracks ?? [];
    const tracks = before.includes(track) ? before.filter((one) => one !== track) : [...before, track];
    if (before.length && !before.includes(track) && !this.offered?.some((one) => one.number === track) && !this.isApart(track, before)) {
      this.model.say(say("keep.one"), true);
      return;
    }
    if (tracks.length) await this.model.edit({ do: "keep", tracks, why: this.reason });
    else await this.model.edit({ do: "unkeep" });
  }

  /** A further piece of one person is never in the picture at the same time as another. */
  isApart(track, before) {
    const own = this.model.track(track);
    return before.every((number) => { const one = this.model.track(number); return !one || one.last < own.first || own.last < one.first; });
  }

  tell() {
    if (this.model.panel !== "keep") return;
    const here = this.model.boxesAt(this.model.frame);
    renew(this.people, here.map(({ track }) => this.row(track, this.model.isKept(track) ? "keep.again" : "keep.this", true)));
    document.getElementById("people-none").hidden = here.length > 0;
    const { kept } = this.model.state;
    document.getElementById("kept").textContent = kept ? say("keep.kept", { n: kept.tracks.length, why: reasonText(kept.why) }) : say("keep.nobody");
    document.getElementById("unkeep").hidden = !kept;
  }

  row(number, key, pressed = false) {
    const track = this.model.track(number);
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.track = String(number);
    const values = { track: number, first: this.model.clock(track?.first ?? 0), last: this.model.clock(track?.last ?? 0) };
    button.textContent = say(key, values);
    if (pressed) button.setAttribute("aria-pressed", String(this.model.isKept(number)));
    item.append(button);
    return item;
  }

  /** Ask for the pieces that may be the same person further on. */
  async offer() {
    const { kept } = this.model.state;
    document.getElementById("pieces-part").hidden = !kept;
    const key = JSON.stringify(kept?.tracks ?? []);
    if (!kept || key === this.offeredFor) return;
    this.offeredFor = key;
    const last = kept.tracks.map((one) => this.model.track(one)).filter(Boolean).sort((a, b) => b.last - a.last)[0];
    if (!last) return;
    const told = await ask(`${this.model.base}/pieces?track=${last.number}&frame=${last.last}`);
    if (key !== this.offeredFor) return;
    this.offered = told.pieces;
    renew(this.pieces, told.pieces.map((piece) => {
      const item = this.row(piece.number, "keep.piece");
      const show = document.createElement("button");
      show.type = "button";
      show.dataset.go = String(piece.first);
      show.textContent = say("keep.show");
      item.append(" ", show);
      return item;
    }));
    document.getElementById("pieces-none").hidden = told.pieces.length > 0;
  }
}

/** Return a reason as the page's language has it. */
export function reasonText(why) {
  const usual = [...document.getElementById("why").options].find((one) => one.value === why);
  return usual?.textContent ?? why;
}
