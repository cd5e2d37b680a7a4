// A panel: title, values now, and a chart of its series. The loss panel is the same with more room.
import { Chart } from "./chart.js";
import { h, say, show } from "./dom.js";
import { sample } from "./icons.js";
import { count, sig } from "./numbers.js";
import { smooth } from "./smooth.js";
import { join, nearest } from "./thin.js";

const DASHES = [undefined, [6, 3], [2, 3], [7, 3, 2, 3]];

/** The look of the j-th series of a panel: colour and dash say the same twice. */
export function look(series, j) {
  return { colour: `--nbt-s${(j % 8) + 1}`, dash: series.dashed && j % 4 === 0 ? DASHES[1] : DASHES[j % 4] };
}

/** What is drawn of one series: its x, its values and, if noisy, the smoothed ones. */
export function lineData(column, xmode, log, asked) {
  const name = xmode === "time" ? "times" : "steps";
  const order = column.order(name), source = column[name];
  const length = column.length;
  const index = (i) => (order ? order[i] : i);
  const smoothed = asked > 0 ? smooth(column.values, column.means, column.counts, length, asked) : null;
  const x = new Float64Array(length), raw = new Array(length), soft = smoothed ? new Array(length) : null;
  const bad = [], floor = [];
  let best = NaN;
  for (let i = 0; i < length; i++) {
    const j = index(i), value = column.values[j];
    x[i] = source[j];
    if (!Number.isFinite(value)) {
      bad.push(x[i]);
      raw[i] = null;
    } else if (log && value <= 0) {
      floor.push(x[i]);
      raw[i] = null;
    } else raw[i] = value;
    if (soft) soft[i] = drawable(smoothed[j], log);
    const candidate = smoothed ? smoothed[j] : value;
    if (Number.isFinite(candidate) && !(candidate >= best)) best = candidate;
  }
  return { x, raw, soft, bad, floor, best };
}

function drawable(value, log) {
  if (value === undefined) return undefined;
  return Number.isFinite(value) && !(log && value <= 0) ? value : null;
}

/** The last value at or before a position; what is only "draw on" is walked over. */
export function valueAt(values, i) {
  for (let k = i; k >= 0; k--) if (values[k] !== undefined) return values[k] === null ? NaN : values[k];
  return null;
}

export class Panel {
  #shared; #chart; #lines = [];

  constructor(spec, shared, { height = 104, level = "h3" } = {}) {
    this.spec = spec;
    this.#shared = shared;
    this.height = height;
    this.hidden = new Set();
    this.title = h(level, { title: spec.about || null }, spec.title);
    this.lost = h("span", { class: "sub tiny nowrap", hidden: true });
    this.keys = h("span", { class: "keys" });
    this.head = h("div", { class: "panel-h" }, this.title, this.lost, this.keys);
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, style: `min-height:${height}px` });
    this.el = h("figure", { "data-nbt-panel": spec.id }, this.head, this.plot);
    this.#chart = new Chart(this.plot, shared);
    this.update(spec);
  }

  /** New series may have come; those that are there keep their colour. */
  update(spec) {
    this.spec = spec;
    const old = this.rows || [];
    this.rows = spec.series.map((series, j) =>
      old[j]?.id === series.id ? old[j] : { ...this.row(series, j), id: series.id });
    this.keys.replaceChildren(...this.rows.map((row) => row.el));
    this.keys.classList.toggle("many", spec.series.length > 1);
    this.keys.classList.toggle("crowd", spec.series.length > 2);
  }

  row(series, j) {
    const { colour, dash } = look(series, j);
    const value = h("b", {}, "");
    const unit = h("span", { class: "sub" }, series.label);
    const key = h(
      "button",
      { class: "key", type: "button", title: `${series.key}: hide or show`, "aria-pressed": "true", onclick: () => this.toggle(j) },
      sample(colour, dash), value, unit,
    );
    return { el: key, value, key };
  }

  toggle(j) {
    if (this.hidden.has(j)) this.hidden.delete(j);
    else this.hidden.add(j);
    const key = this.rows[j].key;
    key.setAttribute("aria-pressed", String(!this.hidden.has(j)));
    this.draw();
    this.read(this.#shared.cursor());
  }

  get log() {
    return !!this.spec.log;
  }

  /** Draws all series from the points held. */
  draw() {
    const asked = this.spec.noisy ? this.#shared.smoothing() : 0;
    const xmode = this.#shared.xmode();
    const columns = this.spec.series.map((series) => this.#shared.columns.get(series.id));
    this.#lines = columns.map((column, j) =>
      lineData(column, xmode, this.log, this.spec.series[j].dashed ? 0 : asked));
    const specs = [], tables = [];
    this.#lines.forEach((line, j) => {
      const { colour, dash } = look(this.spec.series[j], j);
      const gone = this.hidden.has(j), few = line.x.length <= 12;
      const ys = gone ? [] : line.soft ? [line.raw, line.soft] : [line.raw];
      if (gone) return;
      tables.push({ x: line.x, ys });
      if (line.soft) {
        specs.push({ colour, width: 1, alpha: 0.28 }, { colour, width: 2, alpha: 1, dash, dots: few });
      } else specs.push({ colour, width: this.height > 150 ? 2 : 1.4, alpha: 1, dash, dots: few });
    });
    const shown = this.#lines.filter((_, j) => !this.hidden.has(j));
    const bad = shown.flatMap((line) => line.bad), floor = shown.flatMap((line) => line.floor);
    this.#chart.draw(
      { height: this.height, log: this.log, zero: !!this.spec.zero, band: this.spec.band, lines: specs },
      join(tables), bad.sort((a, b) => a - b), floor.sort((a, b) => a - b),
    );
    this.#say(bad.length, floor.length);
    this.read(this.#shared.cursor());
  }

  /** Honest about what a line cannot show. */
  #say(bad, floor) {
    const parts = [];
    if (bad) parts.push(`${count(bad)} not finite`);
    if (floor) parts.push(`${count(floor)} ≤ 0`);
    show(this.lost, parts.length > 0);
    say(this.lost, parts.join(", "));
    this.lost.classList.toggle("bad", bad > 0);
  }

  /** Values at the cursor; null: the newest. */
  values(at) {
    return this.#lines.map((line, j) => {
      const i = at == null ? line.x.length - 1 : nearest(line.x, at);
      const drawn = line.soft || line.raw;
      const column = this.#shared.columns.get(this.spec.series[j].id);
      const raw = at == null ? column.last : valueAt(line.raw, i);
      const now = valueAt(drawn, i);
      return { now: Number.isFinite(raw) || at != null ? now : raw, raw, best: line.best, x: line.x[i] };
    });
  }

  read(at) {
    const values = this.values(at);
    this.rows.forEach((row, j) => say(row.value, sig(values[j]?.now, 3)));
    const words = this.spec.series.map((series, j) => `${series.label} ${sig(values[j]?.now, 3)}`).join(", ");
    const label = `${this.spec.title}, ${at == null ? "now" : "here"} ${words}`;
    if (this.plot.getAttribute("aria-label") !== label) this.plot.setAttribute("aria-label", label);
  }

  /** First and last x of what is drawn. */
  extent() {
    let low = Infinity, high = -Infinity;
    for (const line of this.#lines) {
      if (!line.x.length) continue;
      low = Math.min(low, line.x[0]);
      high = Math.max(high, line.x[line.x.length - 1]);
    }
    return [low, high];
  }

  rescale() {
    this.#chart.rescale();
  }

  destroy() {
    this.#chart.destroy();
  }
}
