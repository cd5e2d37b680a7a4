// What is drawn of a series: its look, its points on the axis, raw and smoothed.
import { order } from "./columns.js";
import { smoothed } from "./smooth.js";
import { pick } from "./thin.js";

const DASHES = [undefined, [6, 3], [2, 3], [7, 3, 2, 3]];
const MOST_DRAWN = 24_000; // points of all lines of one panel
export const NAMED = 8; // colours that can be told apart

/** The look of the j-th series of a panel: colour and dash say the same twice. */
export function look(series, j) {
  return { colour: `--nbt-s${(j % 8) + 1}`, dash: series.dashed && j % 4 === 0 ? DASHES[1] : DASHES[j % 4] };
}

/** Where there are more series than colours: the positions of those that stand out, worst first. */
export function standOut(columns, most = NAMED) {
  const facts = columns.map((column, j) => {
    const { values, length } = column;
    let odd = false, first = NaN, last = NaN;
    for (let i = 0; i < length; i++) {
      if (!Number.isFinite(values[i])) odd = true;
      else {
        if (Number.isNaN(first)) first = values[i];
        last = values[i];
      }
    }
    return { j, odd, last: toLog(last), slope: toLog(last) - toLog(first) };
  });
  const away = (name) => {
    const known = facts.map((f) => f[name]).filter(Number.isFinite).sort((a, b) => a - b);
    const middle = known[known.length >> 1] ?? 0;
    const spread = known.map((v) => Math.abs(v - middle)).sort((a, b) => a - b)[known.length >> 1] || 1e-9;
    return (value) => (Number.isFinite(value) ? Math.abs(value - middle) / spread : 0);
  };
  const byLast = away("last"), bySlope = away("slope");
  const score = (f) => (f.odd ? 1e9 : 0) + Math.max(byLast(f.last), bySlope(f.slope));
  return facts.sort((a, b) => score(b) - score(a) || a.j - b.j).slice(0, most).map((f) => f.j);
}

const toLog = (v) => Math.sign(v) * Math.log10(1 + Math.abs(v) * 1e6);

/** A column of at most about `most` points, all extremes kept. */
export function bounded(column, most) {
  if (column.length <= most) return column;
  const kept = pick(column.values, column.means, column.counts, column.length, Math.floor(most / 3));
  const take = (array) => kept.indices.map((i) => array[i]);
  return {
    steps: take(column.steps), times: take(column.times), values: take(column.values),
    means: kept.means, counts: kept.counts, length: kept.indices.length,
  };
}

export const budget = (numLines) => Math.max(100, Math.floor(MOST_DRAWN / Math.max(1, numLines)));

/** `smoothing`: {kind, asked}. `axis` says where each point lies. */
export function lineData(column, axis, log, { kind = "exp", asked = 0 } = {}) {
  const { length } = column, source = axis.xs(column);
  const turned = order(source, length);
  const softly = asked > 0 ? smoothed(kind, column, asked) : null;
  const x = new Float64Array(length), raw = new Array(length), soft = softly ? new Array(length) : null;
  const bad = [], floor = [];
  let low = NaN, high = NaN;
  for (let i = 0; i < length; i++) {
    const j = turned ? turned[i] : i, value = column.values[j];
    x[i] = source[j];
    if (!Number.isFinite(value)) {
      bad.push(x[i]);
      raw[i] = null;
    } else if (log && value <= 0) {
      floor.push(x[i]);
      raw[i] = null;
    } else raw[i] = value;
    if (soft) soft[i] = drawable(softly[j], log);
    const candidate = softly ? softly[j] : value;
    if (!Number.isFinite(candidate)) continue;
    if (!(candidate >= low)) low = candidate;
    if (!(candidate <= high)) high = candidate;
  }
  return { x, raw, soft, bad, floor, low, high };
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
