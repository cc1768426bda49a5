// Export: what will be written, how far it is, and where the result, the statement and the report are.
import { reasonText } from "./keep.js";
const { ask, say } = globalThis;
const EVERY_MS = 400;

export class Export {
  constructor(model) {
    this.model = model;
    this.button = document.getElementById("export");
    this.bar = document.getElementById("export-bar");
    this.text = document.getElementById("export-said");
    this.links = document.getElementById("outputs");
    this.button.addEventListener("click", () => this.begin());
    model.on("state", () => this.tell());
    this.follow();
  }

  tell() {
    const { changed_frames: changed, kept } = this.model.state;
    const frames = changed.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    document.getElementById("export-what").textContent = frames ? say("export.changed", { n: frames }) : say("export.nothing");
    document.getElementById("export-kept").textContent = kept ? say("export.kept", { why: reasonText(kept.why) }) : say("keep.nobody");
  }

  async begin() {
    if (this.button.disabled) return;
    this.button.disabled = true;
    try {
      await ask(`${this.model.base}/export`, { method: "POST", json: {} });
    } catch (error) {
      this.model.say(`${error.message} ${error.hint ?? ""}`, true);
    }
    await this.follow(true);
  }

  /** Ask how far it is until it is done. */
  async follow(begun = false) {
    let told = await ask(`${this.model.base}/export`);
    while (told.state === "running") {
      begun = true;
      this.button.disabled = true;
      this.bar.hidden = false;
      this.bar.value = told.done;
      this.text.textContent = say("export.running", { n: Math.round(told.done * 100) });
      await new Promise((done) => { setTimeout(done, EVERY_MS); });
      told = await ask(`${this.model.base}/export`);
    }
    if (begun && told.state === "done") {
      this.model.exports += 1;
      await this.model.load();
      this.model.tell("exported");
    }
    this.bar.hidden = true;
    this.button.disabled = false;
    this.text.textContent = told.state === "failed" ? `${inWords(told)} ${told.hint ?? ""}` : told.state === "done" ? [say("export.done"), ...told.notes].join(" · ") : "";
    this.text.classList.toggle("bad", told.state === "failed");
    this.links.replaceChildren(...told.outputs.map((one) => this.link(one)));
  }

  link({ what, name, path }) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = path;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = say(`output.${what}`);
    const where = document.createElement("span");
    where.className = "soft";
    where.textContent = ` ${name}`;
    item.append(link, where);
    return item;
  }
}
