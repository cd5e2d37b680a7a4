// The one horizontal axis of all panels: step, time or epoch.
import { clock, count } from "./numbers.js";
import { NUMBER_STEPS, STEP_STEPS, TIME_STEPS } from "./scales.js";

/** Position in a rising list of the last entry whose `at` is not above x; -1 if all are. */
function before(list, x, at) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(list[middle]) <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** `settings.xmode` says which; `epochs`: [[step, time_s, epoch], ...] at the start of each. */
export class Axis {
  #settings; #clock = null;

  constructor(settings) {
    this.#settings = settings;
    this.epochs = [];
    this.expected = {};
  }

  get mode() {
    return this.#settings.xmode === "epoch" && !this.hasEpochs ? "step" : this.#settings.xmode;
  }

  /** Whether steps can be told as epochs: two starts, or one and the length that is expected. */
  get hasEpochs() {
    return this.epochs.length > 1 || (this.epochs.length === 1 && this.#usual() > 0);
  }

  /** A column by which steps are told as seconds: the one with most points. */
  timedBy(column) {
    this.#clock = column;
  }

  /** Where the points of a column lie. */
  xs(column) {
    if (this.mode === "time") return column.times;
    if (this.mode === "step") return column.steps;
    const out = new Float64Array(column.length);
    for (let i = 0; i < column.length; i++) out[i] = this.epochOf(column.steps[i]);
    return out;
  }

  /** Where a step lies; `time_s` if it is known. */
  of(step, time_s = null) {
    if (this.mode === "time") return time_s ?? this.timeOf(step);
    return this.mode === "epoch" ? this.epochOf(step) : step;
  }

  stepAt(x) {
    if (this.mode === "time") return this.#along(x, "times", "steps");
    return this.mode === "epoch" ? this.#stepOf(x) : x;
  }

  timeOf(step) {
    return this.#along(step, "steps", "times");
  }

  /** Steps of one epoch, where only one start is known. */
  #usual() {
    const { steps, epochs } = this.expected;
    return steps > 0 && epochs > 0 ? steps / epochs : 0;
  }

  #length(i) {
    const list = this.epochs;
    const at = i + 1 < list.length ? i : i - 1;
    if (at < 0) return this.#usual() || 1;
    return (list[at + 1][0] - list[at][0]) / Math.max(list[at + 1][2] - list[at][2], 1e-9) || 1;
  }

  epochOf(step) {
    if (!this.epochs.length) return 0;
    const i = Math.max(0, before(this.epochs, step, (e) => e[0]));
    const [start, , epoch] = this.epochs[i];
    return Math.max(0, epoch + (step - start) / this.#length(i));
  }

  #stepOf(x) {
    if (!this.epochs.length) return 0;
    const i = Math.max(0, before(this.epochs, x, (e) => e[2]));
    const [start, , epoch] = this.epochs[i];
    return start + (x - epoch) * this.#length(i);
  }

  #along(x, from, to) {
    const column = this.#clock;
    if (!column?.length) return 0;
    const xs = column[from].subarray(0, column.length), ys = column[to];
    const i = before(xs, x, (v) => v);
    if (i < 0) return ys[0];
    if (i + 1 >= xs.length) return ys[xs.length - 1];
    const wide = xs[i + 1] - xs[i];
    return ys[i] + (wide > 0 ? (x - xs[i]) / wide : 0) * (ys[i + 1] - ys[i]);
  }

  /** A position in words: "step 1,239", "3:12", "epoch 4.2". */
  words(x) {
    if (this.mode === "time") return clock(x);
    return this.mode === "epoch" ? `epoch ${x.toFixed(2)}` : `step ${count(x)}`;
  }

  get steps() {
    return { time: TIME_STEPS, epoch: NUMBER_STEPS.filter((s) => s >= 0.01), step: STEP_STEPS }[this.mode];
  }

  labels(splits) {
    if (this.mode === "time") return splits.map((v) => clock(v));
    if (this.mode === "step") return splits.map((v) => count(v));
    const fine = splits.some((v) => Math.abs(v - Math.round(v)) > 1e-9);
    return splits.map((v) => (fine ? String(+v.toFixed(2)) : count(v)));
  }
}
