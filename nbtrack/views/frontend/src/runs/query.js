// The query field: typing filters; a mistake is underlined, with what is wrong.
import { h, say, show } from "../dom.js";
import { icon } from "../icons.js";

const PAUSE_MS = 120;

export class QueryField {
  #timer = 0;

  constructor(text, changed, id) {
    this.said = h("div", { class: "q-wrong", id: `${id}-wrong`, role: "status", hidden: true });
    this.field = h("input", {
      type: "text", class: "nbt-field q-field", spellcheck: "false", autocomplete: "off", "aria-label": "Which runs", "aria-describedby": `${id}-wrong`,
      placeholder: "lr < 0.01 and tag:baseline and loss.min < 0.2", oninput: () => this.#soon(),
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Enter") this.#now();
        if (event.key === "Escape" && this.field.value) {
          this.field.value = "";
          this.#now();
        }
      },
    });
    this.field.value = text;
    this.changed = changed;
    this.el = h("label", { class: "q-box" }, icon("search"), this.field);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#now(), PAUSE_MS);
  }

  #now() {
    clearTimeout(this.#timer);
    this.changed(this.field.value);
  }

  /** `wrong`: {why, text, start, end}, or null where all is well. */
  tell(wrong) {
    this.field.toggleAttribute("aria-invalid", !!wrong);
    if (wrong) this.field.setAttribute("aria-invalid", "true");
    show(this.said, !!wrong);
    if (!wrong) return say(this.said, "");
    const { text, start, end } = wrong, word = text.slice(start, end) || "\u00a0\u00a0";
    return this.said.replaceChildren(
      h("code", {}, text.slice(0, start), h("u", {}, word), text.slice(end)), h("span", {}, wrong.why));
  }

  destroy() {
    clearTimeout(this.#timer);
  }
}
