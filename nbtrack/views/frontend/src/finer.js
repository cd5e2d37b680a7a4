// Finer points of a range that is looked at closely: asked for when zoomed, put into the picture.

const WAIT_MS = 120; // a drag or a pan asks once, at its end
const AGAIN_MS = 700, MOST_TRIES = 12; // for what came coarsely, while little may be sent in a second
const POINTS = 1500; // per series
const MOST_SERIES = 40; // in one answer; fewer while little may be sent, so that each comes whole
const PARTS = ["steps", "times", "values", "means", "counts"];

/** `columns`: what the page holds of the whole run; `send(message)`; `most()`: series to ask for at once. */
export class Finer {
  #columns; #axis; #send; #most; #timer = 0; #asked = 0; #first = 0; #waiting = null;
  #parts = new Map(); #range = null; #merged = new Map();

  constructor(columns, axis, send, most = () => MOST_SERIES) {
    this.#most = most;
    this.#columns = columns;
    this.#axis = axis;
    this.#send = send;
  }

  /** Asks for the range of all series that are held thinned there; null: the whole run again. */
  want(zoom, ids) {
    clearTimeout(this.#timer);
    if (!zoom) return this.clear();
    this.#timer = setTimeout(() => {
      const time = this.#axis.mode === "time";
      const [lo, hi] = time ? zoom : zoom.map((x) => this.#axis.stepAt(x));
      const k = ids().filter((id) => isThinned(this.#columns.get(id), time ? "times" : "steps", lo, hi));
      this.#waiting = { x: time ? "time" : "step", lo, hi, k };
      this.#first = this.#asked + 1;
      this.#next();
    }, WAIT_MS);
  }

  /** The next few series of the range, those on top first. */
  #next() {
    if (!this.#waiting?.k.length) return;
    const k = this.#waiting.k.splice(0, Math.min(MOST_SERIES, this.#most()));
    this.#asked += 1;
    const { x, lo, hi } = this.#waiting;
    this.#send({ t: "range", n: this.#asked, for: "zoom", x, lo, hi, k, most: POINTS });
  }

  /** The rest of the range; then, one by one, what could only be sent coarsely. */
  #again({ k = [], n = [], total = [] }) {
    const waiting = this.#waiting;
    if (!waiting) return;
    waiting.coarse ??= [];
    k.forEach((id, i) => total[i] > n[i] && n[i] < POINTS * 0.6 && waiting.coarse.push(id));
    if (waiting.k.length) return this.#next();
    waiting.tries = (waiting.tries ?? 0) + 1;
    if (!waiting.coarse.length || waiting.tries > MOST_TRIES) return;
    waiting.k = [waiting.coarse.shift()];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), AGAIN_MS);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#waiting = null;
    this.#asked += 1; // an answer that is still under way is for nobody
    this.#parts.clear();
    this.#merged.clear();
    this.#range = null;
  }

  /** Takes an answer; false if it is not to the last question. */
  take(content, parts) {
    if (content.re !== this.#asked) return false;
    if (content.re === this.#first) this.#parts.clear(); // until now the range before was shown
    this.#range = { name: content.x === "time" ? "times" : "steps", lo: content.lo, hi: content.hi };
    // copies: what arrives is a view into a buffer that may be large
    for (const part of parts) this.#parts.set(part.id, copy(part));
    this.#merged.clear();
    this.#again(content);
    return true;
  }

  /** A series as it should be drawn: the range in detail, the rest as it is held. */
  column(id) {
    const base = this.#columns.get(id), part = this.#parts.get(id);
    if (!part?.length) return base;
    const known = this.#merged.get(id);
    if (known?.version === base.version) return known;
    const made = merge(base, part, this.#range);
    made.version = base.version;
    this.#merged.set(id, made);
    return made;
  }
}

/** Whether points were left out of a part of a column. */
export function isThinned(column, name, lo, hi) {
  for (let i = 0; i < column.length; i++) {
    if (column.counts[i] !== 1 && column[name][i] >= lo && column[name][Math.max(0, i - 1)] <= hi) return true;
  }
  return false;
}

/** The points of `part` in place of those of `base` in the same range. */
export function merge(base, part, { name, lo, hi }) {
  const xs = part[name];
  const from = Math.min(lo, xs[0]), to = Math.max(hi, xs[part.length - 1]);
  const before = [], after = [];
  let seen = false;
  for (let i = 0; i < base.length; i++) {
    if (base[name][i] >= from && base[name][i] <= Math.min(to, xs[part.length - 1])) seen = true;
    else if (!seen && base[name][i] < from) before.push(i);
    else after.push(i);
  }
  const length = before.length + part.length + after.length;
  const out = Object.create(base, { length: { value: length, writable: true } });
  for (const field of PARTS) {
    const array = new Float64Array(length);
    before.forEach((i, to) => (array[to] = base[field][i]));
    array.set(part[field], before.length);
    after.forEach((i, k) => (array[before.length + part.length + k] = base[field][i]));
    Object.defineProperty(out, field, { value: array });
  }
  return out;
}

function copy(part) {
  const out = { length: part.length };
  for (const name of ["steps", "times", "values"]) out[name] = Float64Array.from(part[name]);
  out.means = part.means ? Float64Array.from(part.means) : out.values;
  out.counts = part.counts ? Float64Array.from(part.counts) : new Float64Array(part.length).fill(1);
  return out;
}
