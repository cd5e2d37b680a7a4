// One panel's plot: uPlot in the colours of the page.
import uPlot from "uplot";
import { panBy, watchGestures, zoomBy } from "./gestures.js";
import { paintBand, paintBandLabel, paintMarks, paintOdd } from "./paint.js";
import { linearLabels, linearRange, logLabels, logRange, logSplits, NUMBER_STEPS } from "./scales.js";
import { colour } from "./theme.js";

const LEAST = 120; // px; below that a plot says nothing

/**
 * `spec`: {height, log, zero, band, labels, lines: [{colour, width, alpha, dash, dots}], y: [lo, hi]?,
 * bands: [{series: [high, low], colour}]? between two lines}.
 * `shared`: {key of the common cursor, range() -> [lo, hi] of x, axis: {mode, steps, labels(splits)},
 * theme(), onCursor(x), onZoom([lo, hi] | null), extent()?, marks()?, onMark(mark)?}.
 */
export class Chart {
  #host; #shared; #spec; #plot = null; #signature = ""; #data = [[]];
  #bad = []; #floor = [];

  constructor(host, shared) {
    this.#host = host;
    this.#shared = shared;
    this.resizer = new ResizeObserver(() => this.#fit());
    this.resizer.observe(host);
    host.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Draws data; makes the plot anew only if its lines, scale or theme are not the same. */
  draw(spec, data, bad = [], floor = []) {
    this.#spec = spec;
    this.#data = data;
    this.#bad = bad;
    this.#floor = floor;
    if (this.#host.clientWidth < 50) return; // not laid out yet: the resize observer comes back
    const signature = JSON.stringify([spec, this.#shared.axis.mode, this.#shared.theme()]);
    if (this.#plot && signature === this.#signature) {
      this.#plot.setData(data, false);
      this.#plot.redraw(true, true);
      this.rescale();
    } else {
      this.#signature = signature;
      this.#build();
    }
  }

  /** Takes the shared range of x. */
  rescale() {
    const [min, max] = this.#shared.range();
    this.#plot?.setScale("x", { min, max });
  }

  destroy() {
    this.resizer.disconnect();
    this.#plot?.destroy();
    this.#plot = null;
  }

  #fit() {
    const width = Math.max(LEAST, this.#host.clientWidth);
    if (!this.#spec || this.#host.clientWidth < 50) return;
    if (!this.#plot) this.draw(this.#spec, this.#data, this.#bad, this.#floor);
    else if (Math.abs(this.#plot.width - width) > 1) this.#plot.setSize({ width, height: this.#spec.height });
  }

  #colour(name) {
    return colour(this.#host, name);
  }

  #build() {
    this.#plot?.destroy();
    const { height } = this.#spec;
    const width = Math.max(LEAST, this.#host.clientWidth);
    const options = {
      width, height, legend: { show: false }, padding: [8, 22, 0, 0],
      scales: { x: { time: false, range: () => this.#shared.range() }, y: this.#yScale() },
      cursor: this.#cursor(),
      axes: [this.#xAxis(), this.#yAxis()],
      bands: (this.#spec.bands || []).map(({ series, colour: name }) => ({ series, fill: `${this.#colour(name)}26` })),
      series: [{}, ...this.#spec.lines.map((line) => this.#line(line))],
      hooks: {
        drawClear: [() => this.#under()],
        draw: [() => this.#over()],
        setCursor: [(u) => this.#shared.onCursor(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
        setSelect: [(u) => this.#selected(u)],
      },
    };
    this.#plot = new uPlot(options, this.#data, this.#host);
    this.#host.nbtPlot = this.#plot;
    watchGestures(this.#plot, this.#shared);
  }

  #yScale() {
    const { log, zero, y } = this.#spec;
    if (y) return { range: () => y };
    const range = (u, low, high) => (log ? logRange(low, high) : linearRange(low ?? NaN, high ?? NaN, zero));
    return { distr: log ? 3 : 1, range };
  }

  #line({ colour: name, width, alpha, dash, dots }) {
    const stroke = this.#colour(name);
    return {
      stroke, width, alpha, dash, spanGaps: false,
      points: { show: !!dots, size: 5, width: 1.4, fill: this.#colour("--nbt-bg"), stroke },
    };
  }

  #font() {
    return `11px ${getComputedStyle(this.#host).fontFamily}`;
  }

  #xAxis() {
    const { axis: x } = this.#shared;
    const axis = this.#colour("--nbt-line");
    return {
      stroke: this.#colour("--nbt-fg2"), font: this.#font(), size: 22, gap: 4, space: 70,
      grid: { show: false }, ticks: { show: true, size: 3, stroke: axis, width: 1 },
      border: { show: true, stroke: axis, width: 1 },
      incrs: x.steps,
      values: (u, splits) => x.labels(splits),
    };
  }

  #yAxis() {
    const log = this.#spec.log;
    return {
      stroke: this.#colour("--nbt-fg2"), font: this.#font(), size: 40, gap: 6,
      space: this.#spec.height > 150 ? 34 : 22,
      grid: { stroke: this.#colour("--nbt-line2"), width: 1 }, ticks: { show: false },
      ...(log ? { splits: (u, i, low, high) => logSplits(low, high, this.#spec.height > 150 ? 6 : 4) } : {}),
      incrs: NUMBER_STEPS,
      filter: (u, splits) => splits, // uPlot would blank what is not a power of ten
      values: (u, splits) => (log ? logLabels(splits) : linearLabels(splits)),
    };
  }

  #cursor() {
    const lines = this.#spec.lines;
    const moves = (type) => type === "mousemove" || type === "mouseleave";
    return {
      y: false,
      drag: { x: true, y: false, setScale: false },
      points: {
        size: 7, width: 0, stroke: () => "transparent",
        fill: (u, i) => (lines[i - 1].alpha < 1 ? "transparent" : this.#colour(lines[i - 1].colour)),
      },
      dataIdx: (u, i, index) => closest(u.data[i], index),
      sync: { key: this.#shared.key, setSeries: false, scales: ["x", null], filters: { pub: moves, sub: moves } },
      bind: {
        dblclick: () => () => (this.#shared.onZoom(null), null),
        mousedown: (u, el, drag) => (event) => (event.shiftKey && this.#shared.zoomed?.() ? null : drag(event)),
      },
    };
  }

  #selected(u) {
    if (u.select.width < 4) return;
    const low = u.posToVal(u.select.left, "x"), high = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#shared.onZoom([low, high]);
  }

  /** Moves the cursor of all charts to a place on the shared axis; null: away. */
  point(x) {
    const u = this.#plot;
    if (u) u.setCursor(x == null ? { left: -10, top: -10 } : { left: u.valToPos(x, "x"), top: 10 });
  }

  /** What is drawn, for a picture of it: uPlot, and what went in. */
  get drawn() {
    return { plot: this.#plot, spec: this.#spec, data: this.#data, bad: this.#bad, floor: this.#floor };
  }

  /** Arrows move the cursor by a point, with shift the zoomed range; + and - zoom, Escape fits. */
  #key(event) {
    const u = this.#plot;
    if (!u) return;
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape" && this.#shared.zoomed?.()) this.#shared.onZoom(null);
    else if (event.key === "+" || event.key === "=") zoomBy(u, this.#shared, 0.5);
    else if (event.key === "-") zoomBy(u, this.#shared, 2);
    else if (way && event.shiftKey) panBy(u, this.#shared, way * 0.2);
    else if (way) {
      const xs = u.data[0];
      const from = u.cursor.idx ?? xs.length - 1;
      const to = Math.min(xs.length - 1, Math.max(0, from + way));
      this.point(xs[to]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #under() {
    const u = this.#plot, band = this.#spec.band;
    if (u && band) paintBand(u, band, (name) => this.#colour(name));
  }

  #over() {
    const u = this.#plot, { band, labels } = this.#spec, tint = (name) => this.#colour(name);
    if (!u) return;
    const { fontFamily } = getComputedStyle(this.#host);
    if (this.#shared.marks) paintMarks(u, this.#shared.marks(), tint, !!labels, fontFamily);
    paintOdd(u, this.#bad, this.#floor, tint);
    if (band?.label) paintBandLabel(u, band, tint, fontFamily);
  }
}

/** The nearest point of one line to a position: lines of one panel have different steps. */
function closest(values, index) {
  if (values[index] !== undefined) return index;
  for (let away = 1; away < values.length; away++) {
    if (values[index - away] !== undefined && index - away >= 0) return index - away;
    if (values[index + away] !== undefined && index + away < values.length) return index + away;
  }
  return index;
}
