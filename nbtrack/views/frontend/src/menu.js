// The menu of a panel: table, pictures, points, log axis, full screen.
import { h, show } from "./dom.js";
import { icon } from "./icons.js";

/** `items()` gives [{text, note, pressed, act}] when the menu is opened; null items are left out. */
export function menu(label, items) {
  const list = h("div", { class: "menu", role: "menu", "aria-label": label, hidden: true });
  const button = h("button", {
    class: "btn icon quiet", type: "button", "aria-label": `More for ${label}`, title: "Table, pictures, points",
    "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => (list.hidden ? open() : close()),
  }, icon("menu"));
  const el = h("span", { class: "menubox" }, button, list);
  const outside = (event) => !el.contains(event.composedPath?.()[0] ?? event.target) && close(false);

  function open() {
    list.replaceChildren(...items().filter(Boolean).map(({ text, note, pressed, act }) => h("button", {
      type: "button", tabindex: -1, role: pressed == null ? "menuitem" : "menuitemcheckbox", "aria-checked": pressed == null ? null : String(pressed),
      onclick: () => {
        close();
        act();
      },
    }, h("span", { class: "tick" }, pressed ? icon("done") : ""), h("span", {}, text), note ? h("span", { class: "sub tiny push" }, note) : null)));
    show(list, true);
    button.setAttribute("aria-expanded", "true");
    list.firstChild?.focus();
    document.addEventListener("pointerdown", outside, true);
  }

  function close(back = true) {
    show(list, false);
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    if (back) button.focus();
  }

  list.addEventListener("keydown", (event) => {
    const all = [...list.children], at = all.indexOf(document.activeElement);
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (event.key === "ArrowDown") all[(at + 1) % all.length].focus();
    else if (event.key === "ArrowUp") all[(at + all.length - 1) % all.length].focus();
    else if (event.key === "Home") all[0].focus();
    else if (event.key === "End") all.at(-1).focus();
    else return event.stopPropagation(); // Lab would take letters for its own commands
    event.preventDefault();
    event.stopPropagation();
  });
  return { el, close };
}

/** Fills the screen with an element, or gives it back; false where the page may not. */
export async function fullScreen(el) {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await el.requestFullscreen();
    return true;
  } catch {
    el.classList.toggle("filled"); // a frame that may not: at least the whole frame
    return false;
  }
}
