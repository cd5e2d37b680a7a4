import { h } from "./dom.js";

/** A row of buttons of which one is pressed. */
export function segments(label, names, pressed, chosen) {
  const buttons = names.map((name) =>
    h("button", { type: "button", "aria-pressed": String(name === pressed), onclick: () => {
      press(name);
      chosen(name);
    } }, name));
  const press = (name) => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
  };
  return h("span", { class: "seg", role: "group", "aria-label": label }, buttons);
}
