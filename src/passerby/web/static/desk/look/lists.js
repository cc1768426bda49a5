// Lists that are written anew and keep the keyboard's place.

const key = (one) => JSON.stringify([one.dataset, one.type === "checkbox" ? one.value : ""]);

/** Replace what is in a list; what had the focus has it again, if it is still there. */
export function renew(list, items) {
  const focused = list.contains(document.activeElement) ? key(document.activeElement) : null;
  list.replaceChildren(...items);
  if (focused !== null) [...list.querySelectorAll("button, input, a")].find((one) => key(one) === focused)?.focus();
}
