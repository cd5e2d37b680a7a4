// Numbers as words: 3 significant digits, thousands with comma, below 1e-3 as 3e-5.

export const count = (n) => String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

export function sig(value, digits = 3) {
  if (value == null) return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) {
    return value.toExponential(digits - 1).replace("e+", "e").replace(/\.?0*e/, "e");
  }
  if (size < 1e-2) return String(+value.toPrecision(digits));
  const before = Math.floor(Math.log10(size)) + 1;
  return before >= digits ? count(value) : value.toFixed(digits - before);
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))}`;
}

/** A power of ten for an axis: 100, 0.1, 1e-3. */
export function power(value) {
  const exponent = Math.round(Math.log10(value));
  return exponent >= -2 && exponent <= 3 ? count10(value) : `1e${exponent}`;
}
const count10 = (value) => (value >= 1 ? count(value) : String(+value.toPrecision(1)));

export const isPowerOfTen = (value) =>
  value > 0 && Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;

/** Labels of a linear axis, all with the same number of decimals. */
export function ticks(values) {
  const step = values.length > 1 ? Math.abs(values[1] - values[0]) : Math.abs(values[0]) || 1;
  const top = Math.max(...values.map(Math.abs));
  if (top > 0 && (top < 1e-2 || top >= 1e5)) return values.map((v) => exponent(v, step));
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return values.map((v) => (decimals ? v.toFixed(decimals) : count(v)));
}

function exponent(value, step) {
  if (Math.abs(value) < step * 1e-6) return "0";
  const digits = Math.max(0, Math.floor(Math.log10(Math.abs(value)) + 1e-9) - Math.floor(Math.log10(step) + 1e-9));
  return value.toExponential(Math.min(3, digits)).replace("e+", "e");
}
