// One panel's plot: uPlot in the colours of the page.
import uPlot from "uplot";
import { clock, count } from "./numbers.js";
import {
  linearLabels, linearRange, logLabels, logRange, logSplits, NUMBER_STEPS, STEP_STEPS, TIME_STEPS,
} from "./scales.js";
import { colour } from "./theme.js";

const LEAST = 120; // px; below that a plot says nothing

/**
 * `spec`: {height, log, zero, band, lines: [{colour, width, alpha, dash, dots}]}.
 * `shared`: {cursor key, range() -> [lo, hi] of x, xmode(), onCursor(x), onZoom(lo, hi)}.
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
    const signature = JSON.stringify([spec, this.#shared.xmode(), this.#shared.theme()]);
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

  get width() {
    return this.#plot?.bbox.width ?? 0;
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
      width, height, legend: { show: false }, padding: [8, 18, 0, 0],
      scales: { x: { time: false, range: () => this.#shared.range() }, y: this.#yScale() },
      cursor: this.#cursor(),
      axes: [this.#xAxis(), this.#yAxis()],
      series: [{}, ...this.#spec.lines.map((line) => this.#line(line))],
      hooks: {
        drawClear: [() => this.#band()],
        draw: [() => this.#marks()],
        setCursor: [(u) => this.#shared.onCursor(u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
        setSelect: [(u) => this.#selected(u)],
      },
    };
    this.#plot = new uPlot(options, this.#data, this.#host);
    this.#host.nbtPlot = this.#plot;
  }

  #yScale() {
    const { log, zero } = this.#spec;
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
    const time = this.#shared.xmode() === "time";
    const axis = this.#colour("--nbt-line");
    return {
      stroke: this.#colour("--nbt-fg2"), font: this.#font(), size: 22, gap: 4, space: 70,
      grid: { show: false }, ticks: { show: true, size: 3, stroke: axis, width: 1 },
      border: { show: true, stroke: axis, width: 1 },
      incrs: time ? TIME_STEPS : STEP_STEPS,
      values: (u, splits) => splits.map((v) => (time ? clock(v) : count(v))),
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
      bind: { dblclick: () => () => (this.#shared.onZoom(null), null) },
    };
  }

  #selected(u) {
    if (u.select.width < 4) return;
    const low = u.posToVal(u.select.left, "x"), high = u.posToVal(u.select.left + u.select.width, "x");
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.#shared.onZoom([low, high]);
  }

  /** Arrow keys move the cursor by a point, Escape shows the whole run again. */
  #key(event) {
    const u = this.#plot;
    if (!u) return;
    if (event.key === "Escape") this.#shared.onZoom(null);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const xs = u.data[0];
      const from = u.cursor.idx ?? xs.length - 1;
      const to = Math.min(xs.length - 1, Math.max(0, from + (event.key === "ArrowLeft" ? -1 : 1)));
      u.setCursor({ left: u.valToPos(xs[to], "x"), top: 10 });
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** A region that is known to be healthy, under the lines. */
  #band() {
    const band = this.#spec.band, u = this.#plot;
    if (!band || !u) return;
    const { ctx, bbox } = u;
    const clamp = (y) => Math.min(bbox.top + bbox.height, Math.max(bbox.top, y));
    const top = clamp(u.valToPos(band.high, "y", true)), low = clamp(u.valToPos(band.low, "y", true));
    if (low - top < 1) return;
    ctx.save();
    ctx.fillStyle = this.#colour("--nbt-ok-fill");
    ctx.fillRect(bbox.left, top, bbox.width, low - top);
    ctx.restore();
  }

  /** Points that cannot be drawn: red ticks where not finite, open ticks where not positive on log. */
  #marks() {
    const u = this.#plot;
    if (!u) return;
    const { ctx, bbox } = u, px = devicePixelRatio, foot = bbox.top + bbox.height;
    ctx.save();
    ctx.lineWidth = 1.5 * px;
    const [low, high] = this.#shared.range();
    const at = (xs, paint) => {
      let last = -Infinity;
      for (const x of xs) {
        const left = x < low || x > high ? -1 : Math.round(u.valToPos(x, "x", true));
        if (left < 0 || left - last < 2 * px) continue;
        last = left;
        paint(left);
      }
    };
    ctx.strokeStyle = this.#colour("--nbt-error");
    at(this.#bad, (x) => {
      ctx.beginPath();
      ctx.moveTo(x, foot);
      ctx.lineTo(x, foot - 7 * px);
      ctx.stroke();
    });
    ctx.strokeStyle = this.#colour("--nbt-fg2");
    ctx.lineWidth = px;
    at(this.#floor, (x) => ctx.strokeRect(x - 1.5 * px, foot - 5 * px, 3 * px, 5 * px));
    const band = this.#spec.band;
    if (band?.label) {
      ctx.font = `400 ${11 * px}px ${getComputedStyle(this.#host).fontFamily}`;
      ctx.fillStyle = this.#colour("--nbt-ok");
      ctx.textAlign = "right";
      const y = u.valToPos(band.high, "y", true);
      if (y > bbox.top - 2 && y < foot - 14 * px) ctx.fillText(band.label, bbox.left + bbox.width - 4 * px, Math.max(y, bbox.top) + 11 * px);
    }
    ctx.restore();
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
