// A brush as words of the query language.

const RESERVED = new Set(["id", "name", "status", "steps", "seed", "notebook", "notes", "error", "changed", "started", "ended", "age",
  "duration", "git", "branch", "dirty", "data", "snapshot", "reproduces", "resumes", "hidden", "and", "or", "not", "loss"]);
const MOST_IDS = 60;

/** Quoted where the language would take it apart. */
export const word = (text) => {
  const plain = String(text);
  if (/^[^\s()=<>~!"':]+$/.test(plain) && !/^(and|or|not)$/.test(plain)) return plain;
  return plain.includes('"') ? `'${plain}'` : `"${plain}"`;
};

/** A number with three digits that is not above (or not below) what it stands for. */
export function rounded(value, up) {
  if (!value) return "0";
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 3);
  const whole = (up ? Math.ceil(value / unit - 1e-9) : Math.floor(value / unit + 1e-9)) * unit;
  return String(+whole.toPrecision(4));
}

/** The field of an axis: a parameter, or the metric by its statistic. */
export function fieldOf(axis, isMetric, head) {
  if (!isMetric) return word(RESERVED.has(axis.name) ? `params.${axis.name}` : axis.name);
  const { statistic, better } = head.choice;
  const ending = { min: ".min", max: ".max", best: better === "lower" ? ".min" : ".max" }[statistic] || "";
  return word(head.metric.key + ending);
}

/** `lr >= 0.001 and lr <= 0.005`; an end that lies at the end of the axis is left out. */
export function rangeFilter(field, axis, [low, high], scale = 1) {
  const parts = [];
  if (low > axis.low) parts.push(`${field} >= ${rounded(low / scale, false)}`);
  if (high < axis.high) parts.push(`${field} <= ${rounded(high / scale, true)}`);
  return parts.join(" and ");
}

/** `optimizer = adam`, or several in brackets. */
export function categoryFilter(field, values) {
  const parts = values.map((value) => `${field} = ${word(value)}`);
  return parts.length > 1 ? `(${parts.join(" or ")})` : parts.join("");
}

/** A query with a filter more; of runs that were chosen one by one it names them. */
export function withFilter(text, filter, { ids = [], all = 0 } = {}) {
  const old = (text || "").trim();
  if (old) return /\bor\b/i.test(old) ? `(${old}) and ${filter}` : `${old} and ${filter}`;
  if (!ids.length || ids.length >= all || ids.length > MOST_IDS) return filter;
  return `(${ids.map((id) => `id = ${id}`).join(" or ")}) and ${filter}`;
}
