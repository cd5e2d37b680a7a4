// Layer by step: ink is magnitude, so a vanished gradient fades into the page.
import { h, say, show } from "./dom.js";
import { segments } from "./segments.js";
import { count, power, sig } from "./numbers.js";
import { colour } from "./theme.js";

const ROW = 16, GAP = 2, SHADES = ["--nbt-h0", "--nbt-h1", "--nbt-h2", "--nbt-h3", "--nbt-h4", "--nbt-h5"];

/** log10 of what a byte stands for: NaN no reading, -Infinity zero, Infinity not finite. */
export function decode(code) {
  if (code === 0) return NaN;
  if (code === 1) return -Infinity;
  return code === 255 ? Infinity : -12 + ((code - 2) * 20) / 252;
}

/** Whole decades between which nearly all readings lie, at least three of them. */
export function decades(codes) {
  const seen = [];
  for (const code of codes) if (code > 1 && code < 255) seen.push(code);
  if (!seen.length) return [-3, 0];
  seen.sort((a, b) => a - b);
  const low = Math.floor(decode(seen[Math.floor(seen.length * 0.01)])), high = Math.ceil(decode(seen[Math.ceil((seen.length - 1) * 0.995)]));
  return high - low >= 3 ? [low, high] : [high - 3, high];
}

/** The pictures held of one run: {map: {v, rows, cols, first, per, now, lows, highs}}. */
export class Maps {
  constructor() {
    this.held = new Map();
    this.version = 0;
  }

  /** Takes a message; false if it continues a picture that is not here. */
  receive({ map, v, first, per, rows, cols, from }, buffer) {
    const bytes = buffer instanceof ArrayBuffer ? new Uint8Array(buffer) : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    const now = new Float32Array(bytes.slice(0, rows * 4).buffer), wide = cols - from;
    const old = this.held.get(map);
    if (from > 0 && !(old && old.v === v && old.cols >= from && old.rows === rows)) return false;
    const make = (offset, before) => {
      const out = new Uint8Array(rows * cols);
      for (let r = 0; r < rows; r++) {
        if (from) out.set(before.subarray(r * old.cols, r * old.cols + from), r * cols);
        out.set(bytes.subarray(offset + r * wide, offset + (r + 1) * wide), r * cols + from);
      }
      return out;
    };
    const lows = make(rows * 4, old?.lows), highs = make(rows * 4 + rows * wide, old?.highs);
    this.held.set(map, { v, rows, cols, first, per, now, lows, highs });
    this.version++;
    return true;
  }
}

export class Heat {
  #shared; #maps; #drawn = "";

  /** `onRow(map, row | null)`: a layer was chosen. */
  constructor(shared, maps, onRow) {
    this.#shared = shared;
    this.#maps = maps;
    this.onRow = onRow;
    this.title = h("h3");
    this.about = h("span", { class: "sub clip" });
    this.low = h("span");
    this.high = h("span");
    this.pick = h("span");
    this.head = h("div", { class: "panel-h" }, this.title, this.about,
      h("span", { class: "push row controls" }, h("span", { class: "sub nowrap tiny" }, this.low, h("span", { class: "ramp" }), this.high), this.pick));
    this.left = h("ol", { class: "l" });
    this.right = h("ol", { class: "r", "aria-hidden": "true" });
    this.canvas = h("canvas", { role: "img" });
    this.hatch = h("div", { class: "box", hidden: true });
    this.line = h("div", { class: "hx", hidden: true });
    this.middle = h("div", { class: "mid" }, this.canvas, this.hatch, this.line);
    this.axis = h("div", { class: "ax", "aria-hidden": "true" });
    this.el = h("figure", { class: "layers rule", hidden: true, "data-nbt-panel": "heat" }, this.head,
      h("div", { class: "hm" }, this.left, this.middle, this.right, this.axis));
    this.middle.addEventListener("mousemove", (event) => this.#hover(event));
    this.middle.addEventListener("mouseleave", () => this.#leave());
    this.middle.addEventListener("click", (event) => this.#choose(this.#rowAt(event)));
    this.resizer = new ResizeObserver(() => this.draw(true));
    this.resizer.observe(this.middle);
  }

  update(spec) {
    this.spec = spec;
    const maps = spec?.maps ?? [];
    const chosen = this.#shared.settings.heat;
    this.map = maps.some((map) => map.id === chosen) ? chosen : maps[0]?.id;
    const names = JSON.stringify([spec, this.map]);
    if (names === this.names) return;
    this.names = names;
    say(this.title, `${maps.find((map) => map.id === this.map)?.title ?? "Norm"} by layer`);
    say(this.about, spec?.about || "first layer on top");
    this.pick.replaceChildren(maps.length > 1 ? segments("What the heat map shows", maps.map((map) => map.title.toLowerCase()), (maps.find((map) => map.id === this.map)?.title ?? "").toLowerCase(), (title) => {
      this.#shared.settings.heat = maps.find((map) => map.title.toLowerCase() === title).id;
      this.#shared.settings.save();
      this.update(this.spec);
      this.draw(true);
      this.onRow(this.map, this.chosen);
    }) : "");
    this.left.replaceChildren(...(spec?.rows ?? []).map((row, r) => h("li", {}, h("button", {
      type: "button", class: "clip", title: `${row.names?.join(", ") || row.label}: show as a line`, "aria-pressed": "false", onclick: () => this.#choose(r),
    }, row.label))));
    this.right.replaceChildren(...(spec?.rows ?? []).map(() => h("li")));
    this.mark();
  }

  #choose(r) {
    if (r == null || !this.spec.rows[r]) return;
    this.chosen = this.chosen === r ? null : r;
    this.mark();
    this.onRow(this.map, this.chosen);
  }

  /** Which rows are spoken of: chosen as a line, or evidence of a finding. */
  mark(rows = this.bad ?? [], since = this.since) {
    this.bad = rows;
    this.since = since;
    [...this.left.children].forEach((li, r) => {
      li.firstChild.setAttribute("aria-pressed", String(r === this.chosen));
      li.classList.toggle("bad", rows.includes(r));
      this.right.children[r].classList.toggle("bad", rows.includes(r));
    });
    this.#frame();
  }

  /** The rows of a finding, by the names of its module and series. */
  rowsOf({ module, keys = [] }) {
    const names = keys.map((key) => key.replace(/^(grad_norm|weight_norm|update_ratio)\//, ""));
    const fits = (name) => names.includes(name) || (module && (name === module || name.startsWith(`${module}.`)));
    return (this.spec?.rows ?? []).flatMap((row, r) => (fits(row.label) || row.names?.some(fits) ? [r] : []));
  }

  get #held() {
    const held = this.#maps.held.get(this.map);
    return held && held.rows === this.spec?.rows?.length ? held : null;
  }

  #ends(held, c) {
    const { axis } = this.#shared;
    return [axis.of(held.first + c * held.per), axis.of(held.first + (c + 1) * held.per)];
  }

  draw(anew = false) {
    const held = this.#held, width = this.middle.clientWidth;
    show(this.el, !!held);
    if (!held || width < 50) return;
    const [low, high] = this.#shared.range(), px = devicePixelRatio;
    const signature = [this.#maps.version, this.map, low, high, width, px, this.#shared.axis.mode, this.#shared.theme()].join();
    if (!anew && signature === this.#drawn) return;
    this.#drawn = signature;
    const tall = held.rows * (ROW + GAP) - GAP;
    Object.assign(this.canvas, { width: width * px, height: tall * px });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${tall}px` });
    const ctx = this.canvas.getContext("2d");
    if (!ctx) return;
    const ends = decades(held.highs), shades = this.#shades(ends);
    say(this.low, `${power(10 ** ends[0])} `);
    say(this.high, ` ${power(10 ** ends[1])}`);
    const at = (x) => Math.round(((x - low) / (high - low || 1)) * width * px);
    for (let c = 0; c < held.cols; c++) {
      const [a, b] = this.#ends(held, c), from = Math.max(0, at(a)), to = Math.min(width * px, at(b));
      if (to <= 0 || from >= width * px) continue;
      for (let r = 0; r < held.rows; r++) {
        const code = held.highs[r * held.cols + c];
        if (!code) continue;
        ctx.fillStyle = shades[code];
        ctx.fillRect(from, r * (ROW + GAP) * px, Math.max(1, to - from), ROW * px);
      }
    }
    this.canvas.setAttribute("aria-label", `Heat map, ${this.title.textContent}: ${held.rows} rows, steps ${count(held.first)} to ${count(held.first + held.cols * held.per - 1)}`);
    this.#ticks(low, high, width);
    this.read(this.#shared.cursor());
    this.#frame();
    this.el.dataset.nbtCols = String(held.cols);
  }

  #shades([low, high]) {
    const stops = SHADES.map((name) => rgb(colour(this.el, name))), wrong = colour(this.el, "--nbt-error");
    return Array.from({ length: 256 }, (_, code) => {
      const value = decode(code);
      if (value === Infinity) return wrong;
      const t = Math.min(0.9999, Math.max(0, (value - low) / (high - low) || 0)) * 5, i = Math.floor(t);
      return `rgb(${stops[i].map((v, k) => Math.round(v + (stops[i + 1][k] - v) * (t - i)))})`;
    });
  }

  #ticks(low, high, width) {
    const { axis } = this.#shared, about = (high - low) / Math.max(2, width / 110);
    const step = axis.steps.find((s) => s >= about) ?? about, places = [];
    for (let v = Math.ceil(low / step) * step; v <= high; v += step) places.push(v);
    const words = axis.labels(places);
    this.axis.replaceChildren(...places.map((v, i) => h("span", { style: `left:${((v - low) / (high - low)) * 100}%` }, words[i])));
  }

  #frame() {
    const held = this.#held, rows = this.bad ?? [];
    show(this.hatch, !!held && rows.length > 0);
    if (!held || !rows.length) return;
    const [low, high] = this.#shared.range(), from = this.since == null ? low : Math.max(low, this.#shared.axis.of(this.since));
    const first = Math.min(...rows), last = Math.max(...rows);
    Object.assign(this.hatch.style, { left: `${((from - low) / (high - low || 1)) * 100}%`, right: "-1px", top: `${first * (ROW + GAP) - 2}px`, height: `${(last - first + 1) * (ROW + GAP) + 2}px` });
  }

  #rowAt(event) {
    return Math.floor((event.clientY - this.canvas.getBoundingClientRect().top) / (ROW + GAP));
  }

  #hover(event) {
    const [low, high] = this.#shared.range(), box = this.middle.getBoundingClientRect();
    const x = low + ((event.clientX - box.left) / box.width) * (high - low);
    this.#shared.point(x);
    const held = this.#held, r = this.#rowAt(event), c = this.#column(held, x);
    if (!held || !this.spec.rows[r] || c < 0) return;
    const ends = [held.lows, held.highs].map((codes) => code(codes[r * held.cols + c]));
    this.canvas.title = `${this.spec.rows[r].label}, ${this.#shared.axis.words(x)}: ${ends[0] === ends[1] ? ends[0] : `${ends[0]} to ${ends[1]}`}`;
  }

  #leave() {
    this.#shared.point(null);
  }

  #column(held, x) {
    if (!held) return -1;
    const c = Math.floor((this.#shared.axis.stepAt(x) - held.first) / held.per);
    return c >= 0 && c < held.cols ? c : -1;
  }

  /** Values at the cursor, at the right; null: the newest. */
  read(x) {
    const held = this.#held;
    show(this.line, x != null && !!held);
    if (!held) return;
    const [low, high] = this.#shared.range(), c = x == null ? -1 : this.#column(held, x);
    if (x != null) this.line.style.left = `${((x - low) / (high - low || 1)) * 100}%`;
    [...this.right.children].forEach((li, r) =>
      say(li, x == null ? (Number.isNaN(held.now[r]) ? "" : sig(held.now[r], 2)) : c < 0 ? "" : code(held.highs[r * held.cols + c])));
  }

  destroy() {
    this.resizer.disconnect();
  }
}

function code(byte) {
  const value = decode(byte);
  if (Number.isNaN(value)) return "";
  return value === Infinity ? "not finite" : value === -Infinity ? "0" : sig(10 ** value, 2);
}

function rgb(text) {
  if (text.startsWith("#")) return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
  return (text.match(/[\d.]+/g) ?? [0, 0, 0]).slice(0, 3).map(Number);
}
