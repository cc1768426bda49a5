// Keys: one table for what they do and for the list that `?` shows.
const { say } = globalThis;
const TYPED = new Set(["text", "search", "number"]);

export class Keys {
  constructor(actions) {
    this.rows = actions;
    this.held = null;
    this.dialog = document.getElementById("keys");
    document.getElementById("keys-list").replaceChildren(...this.rows.filter((row) => row.text).flatMap((row) => this.entry(row)));
    document.getElementById("keys-open").addEventListener("click", () => this.dialog.showModal());
    document.addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("keyup", (event) => { if (this.held && this.held.key === event.key.toLowerCase()) this.letGo(); });
    window.addEventListener("blur", () => this.letGo());
  }

  letGo() { this.held?.row.release(); this.held = null; }

  entry({ shown, text }) {
    const term = document.createElement("dt");
    for (const key of shown.split(" ")) term.append(Object.assign(document.createElement("kbd"), { textContent: say(`key.${key}`) === `key.${key}` ? key : say(`key.${key}`) }), " ");
    return [term, Object.assign(document.createElement("dd"), { textContent: say(text) })];
  }

  press(event) {
    const { target } = event;
    if (document.querySelector("dialog[open]")) return;
    if (target.matches("textarea, select") || (target.matches("input") && TYPED.has(target.type))) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const native = target.matches("button, a, summary, input[type=checkbox]") && (key === "Enter" || key === " ");
    const arrows = target.matches("input[type=range], input[type=radio], [role=tab]") && (key.startsWith("Arrow") || key === "Home" || key === "End");
    if (native || arrows) return;
    const control = event.ctrlKey || event.metaKey;
    const row = this.rows.find((one) => one.keys.includes(key) && Boolean(one.control) === control && (one.shift === undefined || one.shift === event.shiftKey));
    if (!row) return;
    if (row.release) {
      event.preventDefault();
      if (this.held) return;
      this.held = { key: event.key.toLowerCase(), row };
      row.run(event);
      return;
    }
    if (row.run(event) !== false) event.preventDefault();
  }
}
