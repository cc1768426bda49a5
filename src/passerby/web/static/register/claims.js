"use strict";
// What a page shows against what an entry says.

function fieldOf(entry, pointer) {
  let value = entry;
  for (const part of pointer.split("/").slice(1)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}

function parseEntry(bytes) {
  try {
    return JSON.parse(utf8(bytes));
  } catch {
    throw new Refused("format", "entry is not JSON");
  }
}

// `element` shows the field `data-claim` of the entry `data-entry`: as a time, as a value, or as its own text.
function checkClaim(element, entry) {
  const value = fieldOf(entry, element.getAttribute("data-claim"));
  const shown = element.getAttribute("datetime") ?? element.getAttribute("value") ?? element.textContent;
  if (value === undefined || typeof value === "object" || String(value) !== shown) {
    throw new Refused("claim", `${element.getAttribute("data-claim")}: ${JSON.stringify(value)} / ${JSON.stringify(shown)}`);
  }
}

function claimsIn(root) {
  const found = new Map();
  for (const element of root.querySelectorAll("[data-entry]")) {
    const index = decimal(element.getAttribute("data-entry"));
    if (!found.has(index)) found.set(index, []);
    if (element.hasAttribute("data-claim")) found.get(index).push(element);
  }
  return found;
}
