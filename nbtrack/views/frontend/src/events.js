// The list of events: the marks of the time axis, for keyboard and screen reader.
import { h, show } from "./dom.js";
import { icon } from "./icons.js";
import { lookOf } from "./marks.js";
import { count } from "./numbers.js";

const MOST = 6; // shown; the others on demand

export class Events {
  #signature = ""; #all = false; #pick;

  constructor(pick) {
    this.#pick = pick;
    this.list = h("ul", {});
    this.el = h("div", { class: "ev", hidden: true }, h("p", { class: "tiny sub" }, "Events"), this.list);
  }

  update(marks) {
    const signature = JSON.stringify([this.#all, marks.map((m) => [m.step, m.kind, m.text])]);
    if (signature === this.#signature) return;
    this.#signature = signature;
    show(this.el, marks.length > 0);
    const important = (m) => (m.kind === "epoch" ? 9 : lookOf(m).rank);
    const placed = marks.filter((m) => m.step != null || lookOf(m).rank < 5); // notes without a step: on demand
    const kept = this.#all ? marks : placed.length <= MOST ? placed
      : [...placed].sort((a, b) => important(a) - important(b)).slice(0, MOST - 1).sort((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity));
    const focused = this.list.contains(document.activeElement) ? [...this.list.children].indexOf(document.activeElement.parentElement) : -1;
    const rest = marks.length - kept.length;
    this.list.replaceChildren(...kept.map((mark) => this.#item(mark)),
      ...(rest || this.#all ? [h("li", {}, h("button", { class: "evb sub", type: "button", onclick: () => {
        this.#all = !this.#all;
        this.update(marks);
      } }, h("span", { class: "num" }), rest ? `${count(rest)} ${kept.length ? "more" : rest === 1 ? "note" : "notes"}` : "fewer"))] : []));
    if (focused >= 0) this.list.children[Math.min(focused, this.list.children.length - 1)]?.firstChild.focus();
  }

  #item(mark) {
    const end = mark.kind === "epoch", look = lookOf(mark);
    return h("li", {}, h("button", { class: "evb", type: "button", title: mark.text, onclick: () => this.#pick(mark) },
      h("span", { class: "num" }, mark.step == null ? "" : count(mark.step)),
      h("span", { style: `color:var(${end ? "--nbt-ok" : look.colour})` }, icon(end ? "done" : look.icon)), h("span", { class: "clip" }, mark.text)));
  }
}
