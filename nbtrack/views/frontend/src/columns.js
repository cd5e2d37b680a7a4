// The points a page holds of each series, and the protocol by which they come.
//
// Every delta says at which row it starts. A row already held is skipped; a row too far means that
// something was missed (the view was opened mid-run), and the series waits for its next full
// picture, which the kernel sends by turns or when asked; one that is finer is taken as well. Two views of one model share this.
import { pick } from "./thin.js";

const MOST = 4096; // points held per series; beyond it the oldest detail is thinned, never a spike

export class Column {
  constructor() {
    this.have = 0; // rows received, thinned in Python or not
    this.rows = 0; // points logged that these stand for
    this.length = 0;
    this.complete = true; // false: rows were missed, a full picture is needed
    this.version = 0; // rises with every change, so that what is made of it can be kept
    this.#make(256);
  }

  #make(size) {
    const old = this.steps ? [this.steps, this.times, this.values, this.means, this.counts] : [];
    const grown = Array.from({ length: 5 }, (_, k) => {
      const array = new Float64Array(size);
      if (old[k]) array.set(old[k].subarray(0, this.length));
      return array;
    });
    [this.steps, this.times, this.values, this.means, this.counts] = grown;
  }

  clear() {
    this.version++;
    this.length = 0;
    this.rows = 0;
  }

  push(chunk, from) {
    const more = chunk.length - from;
    this.version++;
    if (this.length + more > this.steps.length) this.#make(Math.max(this.steps.length * 2, this.length + more));
    for (let i = from; i < chunk.length; i++) {
      const at = this.length++;
      this.steps[at] = chunk.steps[i];
      this.times[at] = chunk.times[i];
      this.values[at] = chunk.values[i];
      this.means[at] = chunk.means ? chunk.means[i] : chunk.values[i];
      this.counts[at] = chunk.counts ? chunk.counts[i] : 1;
      this.rows += this.counts[at];
    }
    if (this.length > MOST) this.#compact();
  }

  #compact() {
    const kept = pick(this.values, this.means, this.counts, this.length, Math.floor(MOST / 6));
    for (const name of ["steps", "times", "values"]) {
      const array = this[name];
      kept.indices.forEach((from, to) => (array[to] = array[from]));
    }
    this.means.set(kept.means);
    this.counts.set(kept.counts);
    this.length = kept.indices.length;
  }

  /** The last value of all, also one that is not finite. */
  get last() {
    return this.length ? this.values[this.length - 1] : null;
  }
}

/** Positions along rising `xs`; null where they only rise already (steps may repeat or go back). */
export function order(xs, length) {
  let i = 1;
  while (i < length && xs[i] >= xs[i - 1]) i++;
  if (i >= length) return null;
  return Array.from({ length }, (_, k) => k).sort((a, b) => xs[a] - xs[b] || a - b);
}

export class Columns {
  #columns = new Map();

  get(id) {
    let column = this.#columns.get(id);
    if (!column) this.#columns.set(id, (column = new Column()));
    return column;
  }

  /** Takes a message with points; returns true if a series must be asked for in full. */
  receive(message, buffer) {
    let missing = false;
    for (const part of unpack(message, buffer)) {
      const column = this.get(part.id);
      if (message.t === "snap") {
        const current = column.complete && column.have === part.upto && column.length;
        if (current && part.length <= column.length * 1.2) continue; // nothing finer than is held
        column.clear();
        column.push(part, 0);
        column.have = part.upto;
        column.complete = true;
        continue;
      }
      if (part.at > column.have) column.complete = false;
      if (!column.complete) {
        missing = true;
        continue;
      }
      const known = column.have - part.at;
      if (known >= part.length) continue;
      column.push(part, known);
      column.have = part.at + part.length;
    }
    return missing;
  }
}

/** The series in one buffer: steps (f64), then times, values and, if thinned, means and counts (f32). */
export function unpack(message, buffer) {
  const { k: ids, n: lengths } = message;
  const total = lengths.reduce((a, b) => a + b, 0);
  const bytes = aligned(buffer);
  const steps = new Float64Array(bytes, 0, total);
  const floats = (block) => new Float32Array(bytes, total * 8 + block * total * 4, total);
  const [times, values] = [floats(0), floats(1)];
  const [means, counts] = message.w ? [floats(2), floats(3)] : [null, null];
  let from = 0;
  return ids.map((id, j) => {
    const to = from + lengths[j];
    const part = {
      id, length: lengths[j], at: message.at?.[j], upto: message.upto?.[j],
      steps: steps.subarray(from, to), times: times.subarray(from, to), values: values.subarray(from, to),
      means: means?.subarray(from, to), counts: counts?.subarray(from, to),
    };
    from = to;
    return part;
  });
}

/** A DataView may start anywhere in its buffer, a Float64Array may not. */
function aligned(buffer) {
  if (buffer instanceof ArrayBuffer) return buffer;
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
}
