// What all pages of the desk share: texts, requests that the desk accepts, the button that ends it, and a sign that it has ended.
"use strict";

const texts = JSON.parse(document.getElementById("texts").textContent);

/** Return a text of the page's language, with {names} filled in. */
function say(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Return what went wrong: in the page's language where there is a sentence for its kind, then exactly. */
function inWords({ error, kind }) {
  return [texts[`error.${kind}`], error].filter(Boolean).join(" ");
}

/** Ask the desk. Returns what it answered; throws an Error whose `hint` says what to do. */
async function ask(path, { method = "GET", json, body, signal } = {}) {
  const headers = method === "GET" ? {} : { "X-Passerby-Desk": "1" };
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, signal, cache: "no-store" });
  } catch (error) {
    if (error.name !== "AbortError") document.getElementById("gone").hidden = false;
    throw error;
  }
  document.getElementById("gone").hidden = true;
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(inWords(told)), { hint: told.hint ?? "", status: answer.status });
  return told;
}

// who has a page open is there: without a sign of anybody the desk ends by itself
setInterval(() => ask("/api/files").catch(() => {}), 20000);

document.getElementById("end").addEventListener("click", async () => {
  await ask("/api/end", { method: "POST" });
  document.body.replaceChildren(Object.assign(document.createElement("p"), { className: "bar", textContent: say("ended") }));
});
