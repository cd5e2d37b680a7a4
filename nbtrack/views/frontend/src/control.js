// What a person may do to the run: change the learning rate, stop it.
import { h, say, show } from "./dom.js";
import { icon } from "./icons.js";
import { sig } from "./numbers.js";

const PATIENCE_MS = 1000; // without an answer by then, the kernel cannot hear the page
const DEAF = "This kernel cannot hear the page while a cell runs: ";

/** A learning rate as typed; null if it is none. */
export function rateOf(text) {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() && Number.isFinite(value) && value > 0 && value < 1e6 ? value : null;
}

export class Control {
  #model; #asked = 0; #timers = {}; #typed = false;

  /** `changed()` is called when what `unheard` says is not the same any more. */
  constructor(model, changed) {
    this.#model = model;
    this.changed = changed;
    this.unheard = "";
    this.input = h("input", { type: "text", inputmode: "decimal", size: 7, "aria-label": "Learning rate", title: "Applied between two steps and recorded as an event", oninput: () => this.#edit(), onkeydown: (event) => {
      event.stopPropagation(); // Lab's shortcuts
      if (event.key === "Enter") this.#apply();
      if (event.key === "Escape") this.#restore();
    } });
    this.group = h("select", { "aria-label": "Parameter group", hidden: true, onchange: () => this.#restore() });
    this.apply = h("button", { class: "btn", type: "button", onclick: () => this.#apply() }, "Apply");
    this.hint = h("span", { class: "sub tiny", role: "status" });
    this.lr = h("span", { class: "row lr", hidden: true }, this.hint, h("label", { class: "field" }, "lr", this.group, this.input), this.apply);
    this.stop = h("button", { class: "btn", type: "button", title: "Finishes the step, saves, ends as stopped", onclick: () => this.#stop() }, icon("stop"), h("span", {}, "Stop"));
  }

  update(head, lr) {
    const running = head.status === "running" && !head.erased;
    show(this.stop, head.can_stop && running);
    show(this.lr, head.can_lr && running && Object.keys(lr ?? {}).length > 0);
    this.rates = lr ?? {};
    const groups = Object.keys(this.rates);
    if (groups.join("\n") !== this.groups) {
      this.groups = groups.join("\n");
      const all = groups.length > 1 && new Set(Object.values(this.rates)).size === 1;
      this.group.replaceChildren(...(all ? [h("option", { value: "" }, "all groups")] : []), ...groups.map((name) => h("option", { value: name }, name.replace("group", "group "))));
      show(this.group, groups.length > 1);
    }
    if (!this.#typed && !this.pending) this.#fill();
  }

  /** The run goes on in another state: nothing is asked any more. */
  quiet() {
    Object.values(this.#timers).forEach(clearTimeout);
    this.unheard = "";
    this.pending = null;
    this.#ready("stop");
    this.#ready("lr");
    say(this.hint, "");
  }

  #now() {
    return this.rates?.[this.group.value || Object.keys(this.rates ?? {})[0]];
  }

  #fill() {
    const text = this.#now() == null ? "" : String(+sig(this.#now(), 4).replaceAll(",", ""));
    if (this.input.value !== text) this.input.value = text;
  }

  #restore() {
    this.#typed = false;
    this.input.removeAttribute("aria-invalid");
    say(this.hint, "");
    this.#fill();
  }

  #edit() {
    this.#typed = true;
    const wrong = this.input.value.trim() !== "" && rateOf(this.input.value) == null;
    if (wrong) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
    say(this.hint, wrong ? "a number above 0, such as 0.001 or 1e-3" : "");
  }

  #apply() {
    const value = rateOf(this.input.value);
    if (this.pending) return;
    if (value == null) return this.#edit(), say(this.hint, "a number above 0, such as 0.001 or 1e-3");
    this.pending = { value };
    this.apply.setAttribute("aria-disabled", "true");
    this.input.setAttribute("readonly", "");
    say(this.hint, "applies after this step");
    this.#send("lr", { group: this.group.hidden ? null : this.group.value || null, value });
  }

  #stop() {
    if (this.stop.getAttribute("aria-disabled")) return;
    this.#stopping();
    this.#send("stop", {});
  }

  #send(of, more) {
    this.#asked += 1;
    this.unheard = "";
    this.#model.send({ t: of, n: this.#asked, ...more });
    clearTimeout(this.#timers[of]);
    this.#timers[of] = setTimeout(() => this.#silent(of), PATIENCE_MS);
    this.changed();
  }

  /** An answer of the run; `why` says what speaks against it. */
  answered({ of, ok, why }) {
    clearTimeout(this.#timers[of]);
    this.unheard = "";
    if (of === "stop") {
      if (ok) this.#stopping();
      else {
        this.unheard = why || "The run has made no optimizer step to stop after: ";
        this.#ready("stop");
      }
    } else {
      const value = this.pending?.value;
      this.#ready("lr");
      this.#typed = !ok;
      say(this.hint, ok ? `${value == null ? "" : `${sig(value)} `}applies from the next step` : why || "not taken: the run makes no optimizer step now");
      clearTimeout(this.#timers.hint);
      this.#timers.hint = setTimeout(() => say(this.hint, ""), 4000);
    }
    this.changed();
  }

  #silent(of) {
    this.unheard = DEAF;
    this.#ready(of);
    say(this.hint, of === "lr" ? "not heard yet" : "");
    this.about = of;
    this.changed();
  }

  #stopping() {
    this.stop.setAttribute("aria-disabled", "true");
    say(this.stop.lastChild, "Stopping after this step");
  }

  #ready(of) {
    if (of === "stop") {
      this.stop.removeAttribute("aria-disabled");
      say(this.stop.lastChild, "Stop");
      return;
    }
    this.pending = null;
    this.apply.removeAttribute("aria-disabled");
    this.input.removeAttribute("readonly");
  }

  destroy() {
    Object.values(this.#timers).forEach(clearTimeout);
  }
}
