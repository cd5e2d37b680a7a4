// The order of values of any kind, the same as in Python's listing: numbers by size, then words, then nothing.

const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

const rank = (value) => {
  if (value == null || value === "" || Number.isNaN(value)) return 2;
  return typeof value === "number" || typeof value === "boolean" ? 0 : 1;
};

/** Below 0, 0 or above 0, as for `Array.sort`; of equal rank only. */
function compare(a, b, kind) {
  if (kind === 0) return a - b;
  return kind === 1 ? words.compare(String(a), String(b)) : 0;
}

/** The rows in order of a value; equal ones stay as they were, and what has no value is last either way. */
export function inOrder(rows, value, direction) {
  const sign = direction === "descending" ? -1 : 1;
  const keyed = rows.map((row) => ({ row, at: value(row) }));
  for (const each of keyed) each.kind = rank(each.at);
  keyed.sort((a, b) => {
    if (a.kind !== b.kind) return a.kind === 2 || b.kind === 2 ? a.kind - b.kind : sign * (a.kind - b.kind);
    return sign * compare(a.at, b.at, a.kind);
  });
  return keyed.map(({ row }) => row);
}
