// Which columns are shown: a button with a list of boxes behind it.
//
//   const chooser = new Chooser((ids) => {...});      // told of the ids that are shown, in order
//   chooser.set([{ id, label, group: "parameters" }], shownIds, moreThanHere)
//   chooser.el
import { h, say, show } from "../dom.js";
import { icon } from "../icons.js";

const MOST = 200; // boxes at a time; the field finds the others

export class Chooser {
  constructor(changed, label = "Columns") {
    this.changed = changed;
    this.list = h("div", { class: "g-list" });
    this.field = h("input", { type: "search", class: "nbt-field", placeholder: "find a column", "aria-label": "Find a column", oninput: () => this.#fill() });
    this.left = h("p", { class: "sub tiny", hidden: true });
    this.box = h("div", { class: "g-menu", role: "group", "aria-label": label, hidden: true }, this.field, this.list, this.left);
    this.button = h("button", { class: "btn", type: "button", "aria-expanded": "false", onclick: () => this.toggle() }, label, icon("down"));
    this.el = h("div", {
      class: "g-chooser", "data-lm-suppress-shortcuts": "true",
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Escape") this.toggle(false, true);
      },
      onfocusout: (event) => {
        if (event.relatedTarget && !this.el.contains(event.relatedTarget)) this.toggle(false);
      },
    }, this.button, this.box);
    this.outside = (event) => !event.composedPath().includes(this.el) && this.toggle(false);
  }

  set(columns, shown) {
    this.columns = columns;
    this.shown = [...shown];
    if (!this.box.hidden) this.#fill();
  }

  toggle(open = this.box.hidden, focus = open) {
    if (open === !this.box.hidden) return;
    show(this.box, open);
    this.button.setAttribute("aria-expanded", String(open));
    document[open ? "addEventListener" : "removeEventListener"]("pointerdown", this.outside, true);
    if (open) {
      this.field.value = "";
      this.#fill();
    }
    if (focus) (open ? this.field : this.button).focus({ preventScroll: true });
  }

  #fill() {
    const wanted = this.field.value.trim().toLowerCase();
    const found = this.columns.filter(({ id, label }) => !wanted || `${label} ${id}`.toLowerCase().includes(wanted));
    const parts = [];
    let group = null;
    for (const column of found.slice(0, MOST)) {
      if (column.group !== group) parts.push(h("p", { class: "sub tiny" }, (group = column.group) || ""));
      const box = h("input", { type: "checkbox", onchange: (event) => this.#switch(column.id, event.target.checked) });
      box.checked = this.shown.includes(column.id);
      parts.push(h("label", { title: column.id }, box, h("span", { class: "clip" }, column.label)));
    }
    this.list.replaceChildren(...parts);
    say(this.left, found.length ? `${found.length - MOST} more: type to find them` : "no such column");
    show(this.left, found.length > MOST || !found.length);
  }

  #switch(id, yes) {
    const order = this.columns.map((column) => column.id);
    this.shown = yes ? [...this.shown, id] : this.shown.filter((other) => other !== id);
    this.shown.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    this.changed([...this.shown]);
  }

  destroy() {
    document.removeEventListener("pointerdown", this.outside, true);
  }
}
