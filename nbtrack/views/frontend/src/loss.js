// The loss panel: the same panel with controls, and its read-out as a table beside the plot.
import { h, say, show } from "./dom.js";
import { sample } from "./icons.js";
import { look, Panel } from "./panel.js";
import { sig } from "./numbers.js";
import { segments } from "./segments.js";

export class LossPanel extends Panel {
  /** `extra`: {toolbar, events}, put where a person looks for them. */
  constructor(spec, shared, { toolbar = null, events = null } = {}) {
    super(spec, shared, { height: 252 });
    this.shared = shared;
    this.el.className = "loss";
    this.keys.remove();
    const scale = segments("Scale of the loss", ["linear", "log"], this.log ? "log" : "linear", (name) => (this.scale = name));
    if (toolbar) {
      toolbar.slot.replaceWith(scale);
      toolbar.el.append(this.menu.el);
      this.head.append(toolbar.el);
    } else this.head.append(scale, this.menu.el);
    this.where = h("th", { scope: "col" }, "");
    this.nowHead = h("th", { class: "num", scope: "col" }, "now");
    this.bestHead = h("th", { class: "num", scope: "col" }, "best");
    this.body = h("tbody");
    this.readout = h("table", { class: "read", "aria-label": "Values at the cursor" },
      h("thead", {}, h("tr", {}, this.where, this.nowHead, this.bestHead)), this.body);
    this.gap = h("tr", { hidden: true }, h("td", {}, h("span", { class: "ind" }, "")), h("td", { class: "num" }, h("b")), h("td"));
    this.el.append(h("div", { class: "side" }, this.readout, events));
    this.fill();
  }

  update(spec, anew = false) {
    super.update(spec, anew);
    if (this.body) this.fill();
  }

  fill() {
    this.body.replaceChildren(...this.namedRows.map((row) => row.el), this.gap);
  }

  row(series, place) {
    const { colour, dash } = look(series, Math.max(0, place));
    const key = this.keyButton(series, sample(colour, dash), h("span", { class: "clip" }, series.label));
    const value = h("b"), best = h("td", { class: "num sub" });
    const el = h("tr", { "data-nbt-series": series.key }, h("td", {}, key), h("td", { class: "num" }, value), best);
    return { el, key, value, best };
  }

  read(at) {
    super.read(at);
    if (!this.body) return;
    const values = this.values(at), here = at != null;
    const xs = values.map((v) => v.x).filter((x) => x != null);
    const x = xs.length ? Math.max(...xs) : null;
    say(this.where, x == null ? "" : this.shared.axis.words(here ? at : x));
    say(this.nowHead, here ? "here" : "now");
    say(this.bestHead, here ? "raw" : "best");
    this.rows.forEach((row, j) => {
      const soft = !this.spec.series[j].dashed;
      say(row.best, sig(here ? (soft ? values[j].raw : null) : values[j].best));
      row.value.title = soft && this.shared.smoothing().asked > 0 ? `smoothed; as logged: ${sig(values[j].raw, 4)}` : "";
    });
    this.#difference(values);
  }

  /** Held out minus train, where there is one of each. */
  #difference(values) {
    const held = this.spec.series.findIndex((s) => s.held);
    const train = this.spec.series.findIndex((s) => !s.held && !s.faint);
    const both = held >= 0 && train >= 0 && this.spec.series.length === 2;
    const gap = both ? values[held].now - values[train].now : NaN;
    show(this.gap, Number.isFinite(gap));
    if (!Number.isFinite(gap)) return;
    say(this.gap.querySelector(".ind"), `${this.spec.series[held].label} − ${this.spec.series[train].label}`);
    say(this.gap.querySelector("b"), sig(gap));
  }
}
