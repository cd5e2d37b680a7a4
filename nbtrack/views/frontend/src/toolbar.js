// What is chosen for all panels together: smoothing and the horizontal axis, and the way back.
import { h, say, show } from "./dom.js";
import { segments } from "./segments.js";
import { windowOf } from "./smooth.js";

export class Toolbar {
  constructor(shared) {
    const { settings, axis, redraw } = shared;
    this.shared = shared;
    this.value = h("output");
    this.slider = h("input", {
      type: "range", min: 0, max: 0.99, step: 0.01, value: settings.smoothing, "aria-label": "smoothing",
      title: "Never longer than a tenth of the run so far; the raw values stay visible",
      oninput: () => {
        settings.smoothing = +this.slider.value;
        this.#said();
        redraw();
      },
      onchange: () => settings.save(),
    });
    this.kind = h("select", { "aria-label": "Kind of smoothing", title: "Exponential, or the mean of a rolling window", onchange: () => {
      settings.smoother = this.kind.value;
      settings.save();
      this.#said();
      redraw();
    } }, h("option", { value: "exp" }, "smoothing"), h("option", { value: "roll" }, "rolling mean"));
    this.kind.value = settings.smoother;
    this.fit = h("button", { class: "btn quiet", type: "button", hidden: true, title: "Show the whole run and follow it (Esc, double click)", onclick: () => shared.onZoom(null) }, "Fit");
    this.paused = h("span", { class: "sub tiny", hidden: true }, "following paused");
    this.axes = h("span");
    this.choose = (mode) => {
      const zoom = shared.state.zoom?.map((x) => axis.stepAt(x));
      settings.xmode = mode;
      settings.save();
      shared.onZoom(zoom ? zoom.map((step) => axis.of(step)) : null);
      redraw();
    };
    this.el = h("span", { class: "push row controls" }, this.paused, this.fit,
      h("span", { class: "field" }, this.kind, this.slider, this.value), this.slot = h("span"), this.axes);
    this.#said();
    this.update();
  }

  #said() {
    const { smoother, smoothing } = this.shared.settings;
    const words = smoother === "roll" ? `${windowOf(smoothing)} steps` : smoothing.toFixed(2);
    say(this.value, words);
    this.slider.setAttribute("aria-valuetext", words);
  }

  /** What was kept for this cell has been found. */
  recall() {
    const { settings } = this.shared;
    this.slider.value = settings.smoothing;
    this.kind.value = settings.smoother;
    this.#said();
    this.update();
  }

  /** Epochs are offered once there are some. */
  update() {
    const { axis } = this.shared, modes = ["step", "time", ...(axis.hasEpochs ? ["epoch"] : [])];
    const now = `${modes} ${axis.mode}`;
    if (now === this.modes) return;
    this.modes = now;
    this.axes.replaceChildren(segments("Horizontal axis", modes, axis.mode, this.choose));
  }

  zoomed(yes) {
    show(this.fit, yes);
    show(this.paused, yes && this.shared.state.live);
  }
}
