// Ranges and ticks of the axes.
import { isPowerOfTen, power, sig, ticks } from "./numbers.js";

/** Low and high of a linear axis: from zero where zero is near, else with a little air. */
export function linearRange(low, high, zero) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  if (low === high) {
    if (low > 0) return zero || low < 1 ? [0, low * 1.25] : [low * 0.9, low * 1.1];
    return low === 0 ? [0, 1] : [low * 1.1, low * 0.9];
  }
  const air = (high - low) * 0.05;
  const fromZero = low >= 0 && (zero || low < 0.6 * high);
  return [fromZero ? 0 : low - air, high + air];
}

/** Low and high of a logarithmic axis; only positive numbers reach here. */
export function logRange(low, high) {
  if (!(low > 0) || !(high > 0)) return [0.1, 1];
  const air = Math.max(0.06, Math.log10(high / low) * 0.06);
  return [low / 10 ** air, high * 10 ** air];
}

/** Where a logarithmic axis has its lines: decades, or 1-2-5, or even steps if it is short. */
export function logSplits(low, high, most = 6) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  const inside = (v) => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9);
  const decades = [];
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  for (let e = Math.ceil(first / every) * every; e <= last; e += every) decades.push(10 ** e);
  if (decades.filter(inside).length >= 3) return decades.filter(inside);
  const fine = [];
  for (let e = first - 1; e <= last; e++) for (const m of [1, 2, 5]) fine.push(m * 10 ** e);
  const chosen = fine.filter(inside);
  if (chosen.length >= 2) return thinTo(chosen, most);
  const step = nice((high - low) / 4);
  const even = [];
  for (let v = Math.ceil(low / step) * step; v <= high; v += step) even.push(+v.toPrecision(12));
  return even;
}

function thinTo(values, most) {
  if (values.length <= most) return values;
  const tens = values.filter(isPowerOfTen);
  return tens.length >= 2 ? tens : values.filter((_, i) => i % 2 === 0);
}

export function nice(step) {
  const base = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].find((m) => m * base >= step * (1 - 1e-9)) * base;
}

export function logLabels(values) {
  if (!values.every((v) => [1, 2, 5].some((m) => isPowerOfTen(v / m)))) return linearLabels(values);
  return values.map((v) => (isPowerOfTen(v) ? power(v) : sig(v, 1)));
}
export const linearLabels = (values) => (values.length ? ticks(values) : []);

/** Steps between ticks of a time axis, in seconds. */
export const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400]
  .concat([2, 5, 10, 20, 50, 100, 200, 500].map((days) => days * 86400));

/** Steps between ticks of an axis of numbers; and of one of steps: whole numbers only. */
export const NUMBER_STEPS = Array.from({ length: 46 }, (_, e) => [1, 2, 5].map((m) => +`${m}e${e - 30}`)).flat();
export const STEP_STEPS = NUMBER_STEPS.filter((step) => step >= 1);
