// Fewer points, the same extremes; and several series on one axis.

/**
 * Which points to keep: of each bucket the lowest, the highest and the first that is not finite,
 * and the two ends. Buckets hold equally many *logged* points, so thinning twice is thinning once.
 * The last point kept of a bucket carries the mean and the number of all.
 */
export function pick(values, means, counts, length, buckets) {
  let rows = 0;
  for (let i = 0; i < length; i++) rows += counts[i];
  const indices = [], outMeans = [], outCounts = [];
  let start = 0, seen = 0;
  for (let b = 0; b < buckets && start < length; b++) {
    const until = ((b + 1) * rows) / buckets;
    let end = start;
    do seen += counts[end++];
    while (end < length && (seen + counts[end] <= until || b === buckets - 1));
    const before = indices.length;
    for (const i of extremes(values, start, end, length)) {
      indices.push(i);
      outMeans.push(NaN);
      outCounts.push(0);
    }
    const [mean, weight] = average(means, counts, start, end);
    if (indices.length > before) {
      outMeans[indices.length - 1] = mean;
      outCounts[indices.length - 1] = weight;
    }
    start = end;
  }
  return { indices, means: outMeans, counts: outCounts };
}

function extremes(values, start, end, length) {
  let low = -1, high = -1, odd = -1;
  for (let i = start; i < end; i++) {
    if (!Number.isFinite(values[i])) {
      if (odd < 0) odd = i;
      continue;
    }
    if (low < 0 || values[i] < values[low]) low = i;
    if (high < 0 || values[i] > values[high]) high = i;
  }
  const kept = new Set([low, high, odd].filter((i) => i >= 0));
  if (start === 0) kept.add(0);
  if (end === length) kept.add(length - 1);
  return [...kept].sort((a, b) => a - b);
}

function average(means, counts, start, end) {
  let sum = 0, finite = 0, all = 0;
  for (let i = start; i < end; i++) {
    all += counts[i];
    if (counts[i] && Number.isFinite(means[i])) {
      sum += means[i] * counts[i];
      finite += counts[i];
    }
  }
  return [finite ? sum / finite : NaN, all];
}

/**
 * Several tables `{x, ys}` on one rising x. uPlot's own join keeps only the last of two points with
 * the same x; here both stay, or a spike in a repeated step would be lost.
 * In what comes out null is a gap, undefined means "no point of this series here, draw on".
 */
export function join(tables) {
  const at = tables.map(() => 0);
  const width = tables.map((table) => table.ys.length);
  const out = [[], ...tables.flatMap((table) => table.ys.map(() => []))];
  for (;;) {
    let next = Infinity;
    tables.forEach((table, j) => {
      if (at[j] < table.x.length && table.x[at[j]] < next) next = table.x[at[j]];
    });
    if (next === Infinity) return out;
    out[0].push(next);
    let column = 1;
    tables.forEach((table, j) => {
      const here = at[j] < table.x.length && table.x[at[j]] === next;
      for (let k = 0; k < width[j]; k++) out[column++].push(here ? table.ys[k][at[j]] : undefined);
      if (here) at[j]++;
    });
  }
}

/** The position of the point nearest to x in a rising array; -1 if it is empty. */
export function nearest(xs, x) {
  let low = 0, high = xs.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - xs[low - 1] <= xs[low] - x ? low - 1 : low;
}
