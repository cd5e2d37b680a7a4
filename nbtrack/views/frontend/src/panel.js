// A panel: title, values now, a chart of its series, a menu. The loss panel has more room.
import { Chart } from "./chart.js";
import { h, say, show } from "./dom.js";
import { csv, fileName, held, picture, png, save, svgText } from "./download.js";
import { sample } from "./icons.js";
import { bounded, budget, lineData, look, NAMED, standOut, valueAt } from "./lines.js";
import { fullScreen, menu } from "./menu.js";
import { count, sig } from "./numbers.js";
import { join, nearest } from "./thin.js";
import { valueTable } from "./values.js";

export { lineData, look, valueAt } from "./lines.js";

/**
 * `shared`: what Chart needs, and {column(id), settings, smoothing() -> {kind, asked}, cursor(),
 * who: {id, name}}.
 */
export class Panel {
  #shared; #chart; #lines = []; #data = [[]]; #named = null; #found = "";

  constructor(spec, shared, { height = 104, level = "h3" } = {}) {
    this.spec = spec;
    this.#shared = shared;
    this.height = height;
    this.title = h(level, { title: spec.about || null, class: "clip" }, spec.title);
    this.lost = h("span", { class: "sub tiny nowrap", hidden: true });
    this.keys = h("span", { class: "keys" });
    this.menu = menu(spec.title, () => this.#items());
    this.find = h("input", { type: "search", class: "find-series", hidden: true, placeholder: "find a series", "aria-label": `Find a series of ${spec.title}`, onkeydown: (event) => event.stopPropagation(), oninput: () => {
      this.#found = this.find.value.trim().toLowerCase();
      this.update(this.spec, true);
      this.draw();
    } });
    this.head = h("div", { class: "panel-h" }, this.title, this.lost, this.keys, this.find, this.menu.el);
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, style: `min-height:${height}px` });
    this.table = null;
    this.el = h("figure", { "data-nbt-panel": spec.id }, this.head, this.plot);
    this.#chart = new Chart(this.plot, shared);
    this.full = () => this.#resized();
    this.el.addEventListener("fullscreenchange", this.full);
    this.update(spec);
  }

  /** New series may have come; those that are there keep their colour. */
  update(spec, anew = false) {
    this.spec = spec;
    say(this.title, spec.title);
    this.title.title = spec.about || "";
    const old = anew ? [] : this.rows || [];
    const { length } = spec.series;
    this.many = length > NAMED;
    show(this.find, this.many);
    this.#named = this.many ? this.#whichNamed() : null;
    this.rows = spec.series.map((series, j) =>
      old[j]?.id === series.id && old[j].place === this.#place(j) ? old[j] : { ...this.row(series, this.#place(j)), id: series.id, place: this.#place(j) });
    this.keys.replaceChildren(...this.#shown(this.rows).map((row) => row.el));
    this.keys.classList.toggle("many", length > 1);
    this.keys.classList.toggle("crowd", length > 2);
    for (const row of this.rows) this.#press(row, spec.series[this.rows.indexOf(row)]);
  }

  #whichNamed() {
    const { series } = this.spec;
    if (this.#found) return series.flatMap((s, j) => (s.key.toLowerCase().includes(this.#found) ? [j] : [])).slice(0, NAMED);
    return standOut(series.map((s) => this.#shared.column(s.id)));
  }

  /** The place of a series among the named ones: its colour; -1: faint. */
  #place(j) {
    if (this.spec.series[j].faint) return -1;
    return this.#named ? this.#named.indexOf(j) : j;
  }

  #shown(rows) {
    return rows.filter((_, j) => this.#place(j) >= 0);
  }

  /** Rows that have a name in the read-out. */
  get namedRows() {
    return this.#shown(this.rows);
  }

  row(series, place) {
    const { colour, dash } = look(series, Math.max(0, place));
    const value = h("b", {}, "");
    const unit = h("span", { class: "sub clip" }, series.label);
    const key = this.keyButton(series, sample(colour, dash), value, unit);
    return { el: key, value, key };
  }

  keyButton(series, ...inside) {
    return h("button", {
      class: "key", type: "button", title: `${series.key}: click hides or shows, alt-click only this`, "aria-pressed": "true",
      onclick: (event) => this.toggle(series.key, event.altKey),
    }, inside);
  }

  toggle(key, only = false) {
    const { settings } = this.#shared;
    if (only) settings.only(this.spec.id, key, this.spec.series.map((s) => s.key));
    else settings.toggle(this.spec.id, key);
    this.rows.forEach((row, j) => this.#press(row, this.spec.series[j]));
    this.draw();
  }

  #press(row, series) {
    row.key.setAttribute("aria-pressed", String(!this.isHidden(series)));
  }

  isHidden(series) {
    return this.#shared.settings.isHidden(this.spec.id, series.key);
  }

  get log() {
    return (this.#shared.settings.scales[this.spec.id] ?? (this.spec.log ? "log" : "linear")) === "log";
  }

  set scale(name) {
    this.#shared.settings.scales[this.spec.id] = name;
    this.#shared.settings.save();
    this.draw();
  }

  /** Draws all series from the points held. */
  draw() {
    const { axis } = this.#shared, { series } = this.spec;
    const noisy = this.spec.noisy ? this.#shared.smoothing() : { asked: 0 };
    if (this.many && !this.#found && String(this.#whichNamed()) !== String(this.#named)) this.update(this.spec, true);
    const most = budget(series.length);
    this.#lines = series.map((one) => {
      const soft = !one.dashed && !one.faint && !this.many;
      return lineData(bounded(this.#shared.column(one.id), most), axis, this.log, soft ? noisy : {});
    });
    const specs = [], tables = [], shown = [];
    const paint = (j) => {
      const line = this.#lines[j], place = this.#place(j), few = line.x.length <= 12;
      if (this.isHidden(series[j])) return;
      shown.push(line);
      const { colour, dash } = look(series[j], Math.max(0, place));
      tables.push({ x: line.x, ys: line.soft ? [line.raw, line.soft] : [line.raw] });
      if (place < 0) specs.push({ colour: "--nbt-s6", width: 1, alpha: 0.28 });
      else if (line.soft) specs.push({ colour, width: 1, alpha: 0.28 }, { colour, width: 2, alpha: 1, dash, dots: few });
      else specs.push({ colour, width: this.height > 150 || this.many ? 2 : 1.4, alpha: 1, dash, dots: few });
    };
    series.forEach((_, j) => this.#place(j) < 0 && paint(j)); // the faint ones beneath
    series.forEach((_, j) => this.#place(j) >= 0 && paint(j));
    const bad = shown.flatMap((line) => line.bad), floor = shown.flatMap((line) => line.floor);
    this.#data = join(tables);
    const height = document.fullscreenElement === this.el ? Math.max(200, innerHeight - 90) : this.height;
    this.#chart.draw(
      { height, log: this.log, zero: !!this.spec.zero, band: this.spec.band, labels: this.height > 150, lines: specs },
      this.#data, bad.sort((a, b) => a - b), floor.sort((a, b) => a - b),
    );
    this.#say(bad.length, floor.length);
    this.read(this.#shared.cursor());
  }

  /** Honest about what a line cannot show. */
  #say(bad, floor) {
    const parts = [];
    if (bad) parts.push(`${count(bad)} not finite`);
    if (floor) parts.push(`${count(floor)} ≤ 0`);
    if (this.spec.more) parts.push(`${count(this.spec.more)} more not drawn`);
    show(this.lost, parts.length > 0);
    say(this.lost, parts.join(", "));
    this.lost.classList.toggle("bad", bad > 0);
  }

  /** Values at the cursor; null: the newest. */
  values(at) {
    return this.#lines.map((line, j) => {
      const series = this.spec.series[j];
      const i = at == null ? line.x.length - 1 : nearest(line.x, at);
      const column = this.#shared.column(series.id);
      const raw = at == null ? column.last : valueAt(line.raw, i);
      const now = valueAt(line.soft || line.raw, i);
      const best = series.best === "max" ? line.high : line.low;
      return { now: Number.isFinite(raw) || at != null ? now : raw, raw, best, x: line.x[i] };
    });
  }

  read(at) {
    const values = this.values(at);
    this.rows.forEach((row, j) => say(row.value, sig(values[j]?.now, 3)));
    const words = this.spec.series.flatMap((series, j) => (this.#place(j) >= 0 ? [`${series.label} ${sig(values[j]?.now, 3)}`] : [])).join(", ");
    const label = `${this.spec.title}, ${at == null ? "now" : "here"} ${words}`;
    if (this.plot.getAttribute("aria-label") !== label) this.plot.setAttribute("aria-label", label);
  }

  // -- the menu -----------------------------------------------------------

  #items() {
    const { who } = this.#shared, facts = held(this.#columns());
    const name = (ending, more) => fileName([who().name || who().id, this.spec.id, more], ending);
    const points = facts.thinned ? `${count(facts.points)} of ${count(facts.logged)}, thinned` : count(facts.points);
    return [
      { text: "Table of values", pressed: !!this.table, act: () => this.toggleTable() },
      { text: "Logarithmic", pressed: this.log, act: () => (this.scale = this.log ? "linear" : "log") },
      { text: "Download PNG", act: async () => save(name("png"), await png(this.#picture())) },
      { text: "Download SVG", act: () => save(name("svg"), new Blob([svgText(this.#picture())], { type: "image/svg+xml" })) },
      { text: "Download CSV", note: `points: ${points}`, act: () => save(name("csv", facts.thinned ? "thinned" : ""), new Blob([csv(this.spec.series.map((s) => ({ key: s.key, column: this.#shared.column(s.id) })))], { type: "text/csv" })) },
      { text: "Full screen", act: () => fullScreen(this.el).then(() => this.draw()) },
    ];
  }

  #columns() {
    return this.spec.series.map((series) => this.#shared.column(series.id));
  }

  #picture() {
    const names = this.spec.series.flatMap((series, j) => (this.#place(j) >= 0 && !this.isHidden(series) ? [{ text: series.label, ...look(series, this.#place(j)) }] : []));
    return picture(this.#chart.drawn, this.plot, this.#shared.axis, this.spec.title, names);
  }

  toggleTable() {
    this.table?.remove();
    this.table = this.table ? null : this.#makeTable();
    if (!this.table) return;
    this.el.append(this.table);
    this.table.focus();
  }

  #makeTable() {
    const series = this.spec.series.filter((one) => !this.isHidden(one));
    const xs = this.spec.series.flatMap((one, j) => (this.isHidden(one) ? [] : [{ x: this.#lines[j].x, ys: [this.#lines[j].raw] }]));
    return valueTable(this.spec.title, series.map((s) => s.label), join(xs), this.#shared.range(), this.#shared.axis, () => {
      this.toggleTable();
      this.plot.focus();
    });
  }

  #resized() {
    this.draw();
    const { plot, spec } = this.#chart.drawn;
    plot?.setSize({ width: this.plot.clientWidth, height: spec.height });
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
    if (this.table?.isConnected && this.#shared.zoomed?.() !== this.tableZoomed) {
      this.tableZoomed = this.#shared.zoomed?.();
      const fresh = this.#makeTable();
      this.table.replaceWith(fresh);
      this.table = fresh;
    }
  }

  point(x) {
    this.#chart.point(x);
  }

  destroy() {
    this.menu.close(false);
    this.#chart.destroy();
  }
}
