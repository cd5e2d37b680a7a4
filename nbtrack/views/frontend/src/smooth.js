// Exponential smoothing of a thinned series.

/**
 * The smoothing that is really used: never longer than a tenth of the points so far, so that the
 * fast beginning of a run is followed closely, and what was drawn stays as more points come.
 */
export function strength(asked, rows) {
  return Math.min(asked, Math.max(0, 1 - 10 / Math.max(rows, 1)));
}

/**
 * Smoothed values, one per point held. A point stands for `counts[i]` logged points whose mean is
 * `means[i]`; 0 means that a later point speaks for it too. NaN: a gap; undefined: draw on.
 * What is not finite breaks the line and does not poison what follows.
 */
export function smooth(values, means, counts, length, asked) {
  const out = new Array(length);
  let state = NaN, rows = 0;
  for (let i = 0; i < length; i++) {
    rows += counts[i];
    const keep = strength(asked, rows);
    if (!Number.isFinite(values[i])) {
      out[i] = NaN;
      if (counts[i] && Number.isFinite(means[i])) state = blend(state, means[i], counts[i], keep);
      continue;
    }
    if (!counts[i]) {
      out[i] = undefined;
      continue;
    }
    state = blend(state, Number.isFinite(means[i]) ? means[i] : values[i], counts[i], keep);
    out[i] = state;
  }
  return out;
}

function blend(state, mean, weight, keep) {
  if (Number.isNaN(state)) return mean;
  const old = keep === 0 ? 0 : keep ** weight;
  return old * state + (1 - old) * mean;
}
