// The loss panel: the same panel with controls, and its read-out as a table beside the plot.
import { h, say, show } from "./dom.js";
import { sample } from "./icons.js";
import { clock, count, sig } from "./numbers.js";
import { look, Panel } from "./panel.js";

export class LossPanel extends Panel {
  constructor(spec, shared) {
    super(spec, shared, { height: 252 });
    this.shared = shared;
    this.el.className = "loss";
    this.keys.remove();
    this.head.append(this.#controls());
    this.where = h("th", {}, "");
    this.nowHead = h("th", { class: "num" }, "now");
    this.bestHead = h("th", { class: "num" }, "best");
    this.body = h("tbody");
    this.table = h(
      "table", { class: "read", "aria-label": "Values at the cursor" },
      h("thead", {}, h("tr", {}, this.where, this.nowHead, this.bestHead)), this.body,
    );
    this.gap = h("tr", { hidden: true }, h("td", {}, h("span", { class: "ind" }, "")), h("td", { class: "num" }, h("b")), h("td"));
    this.el.append(h("div", { class: "side" }, this.table));
    this.fill();
  }

  get log() {
    return this.scale === "log";
  }

  update(spec) {
    super.update(spec);
    if (this.body) this.fill();
  }

  fill() {
    this.body.replaceChildren(...this.rows.map((row) => row.el), this.gap);
  }

  row(series, j) {
    const { colour, dash } = look(series, j);
    const key = h(
      "button",
      { class: "key", type: "button", title: `${series.key}: hide or show`, "aria-pressed": "true", onclick: () => this.toggle(j) },
      sample(colour, dash), h("span", { class: "clip" }, series.label),
    );
    const value = h("b"), best = h("td", { class: "num sub" });
    const el = h("tr", { "data-nbt-series": series.key }, h("td", {}, key), h("td", { class: "num" }, value), best);
    return { el, key, value, best };
  }

  #controls() {
    const { state, redraw } = this.shared;
    const value = h("output", {}, state.smoothing.toFixed(2));
    const slider = h("input", {
      type: "range", min: 0, max: 0.99, step: 0.01, value: state.smoothing, "aria-valuetext": state.smoothing.toFixed(2),
      title: "Exponential smoothing, never longer than a tenth of the run so far; the raw values stay visible",
      oninput: () => {
        state.smoothing = +slider.value;
        value.value = state.smoothing.toFixed(2);
        slider.setAttribute("aria-valuetext", value.value);
        redraw();
      },
    });
    this.fit = h("button", { class: "btn quiet", type: "button", hidden: true, title: "Show the whole run and follow it", onclick: () => this.shared.onZoom(null) }, "Fit");
    this.paused = h("span", { class: "sub tiny", hidden: true }, "following paused");
    return h(
      "span", { class: "push row controls" }, this.paused, this.fit,
      h("label", { class: "field" }, "smoothing", slider, value),
      segments("Scale of the loss", ["linear", "log"], "linear", (scale) => {
        this.scale = scale;
        this.draw();
      }),
      segments("Horizontal axis", ["step", "time"], "step", (mode) => {
        state.xmode = mode;
        this.shared.onZoom(null);
        redraw();
      }),
    );
  }

  zoomed(yes) {
    show(this.fit, yes);
    show(this.paused, yes && this.shared.state.live);
  }

  read(at) {
    super.read(at);
    if (!this.body) return;
    const values = this.values(at), here = at != null;
    const xs = values.map((v) => v.x).filter((x) => x != null);
    const x = xs.length ? Math.max(...xs) : null;
    say(this.where, x == null ? "" : this.shared.xmode() === "time" ? clock(x) : `step ${count(x)}`);
    say(this.nowHead, here ? "here" : "now");
    say(this.bestHead, here ? "raw" : "best");
    this.rows.forEach((row, j) => {
      const soft = !this.spec.series[j].dashed;
      say(row.best, sig(here ? (soft ? values[j].raw : null) : values[j].best));
      row.value.title = soft && this.shared.smoothing() > 0 ? `smoothed; as logged: ${sig(values[j].raw, 4)}` : "";
    });
    this.#difference(values);
  }

  /** Held out minus train, where there is one of each. */
  #difference(values) {
    const held = this.spec.series.findIndex((s) => s.held);
    const train = this.spec.series.findIndex((s) => !s.held);
    const both = held >= 0 && train >= 0 && this.spec.series.length === 2;
    const gap = both ? values[held].now - values[train].now : NaN;
    show(this.gap, Number.isFinite(gap));
    if (!Number.isFinite(gap)) return;
    say(this.gap.querySelector(".ind"), `${this.spec.series[held].label} − ${this.spec.series[train].label}`);
    say(this.gap.querySelector("b"), sig(gap));
  }
}

/** A row of buttons of which one is pressed. */
export function segments(label, names, pressed, chosen) {
  const buttons = names.map((name) =>
    h("button", { type: "button", "aria-pressed": String(name === pressed), onclick: () => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
      chosen(name);
    } }, name));
  return h("span", { class: "seg", role: "group", "aria-label": label }, buttons);
}
