// Smoothing of a thinned series: exponential, or the mean of a rolling window.

/**
 * The smoothing that is really used: never longer than a tenth of the points so far, so that the
 * fast beginning of a run is followed closely, and what was drawn stays as more points come.
 */
export function strength(asked, rows) {
  return Math.min(asked, Math.max(0, 1 - 10 / Math.max(rows, 1)));
}

/** The rolling window, in logged points, that is about as smooth as an exponential of `asked`. */
export const windowOf = (asked) => Math.max(1, Math.round(2 / Math.max(1 - asked, 1e-3) - 1));

/** Smoothed values, one per point held: by `kind` "exp" or "roll". */
export function smoothed(kind, column, asked) {
  const { values, means, counts, length } = column;
  return kind === "roll"
    ? rolling(values, means, counts, length, windowOf(asked))
    : smooth(values, means, counts, length, asked);
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

/** The mean of the last `most` logged points (fewer at the beginning), weighted as `smooth` does. */
export function rolling(values, means, counts, length, most) {
  const out = new Array(length);
  let first = 0, weight = 0, sum = 0, rows = 0;
  const at = (i) => (Number.isFinite(means[i]) ? means[i] : values[i]);
  const counted = (i) => counts[i] && Number.isFinite(at(i));
  for (let i = 0; i < length; i++) {
    rows += counts[i];
    if (counted(i)) {
      weight += counts[i];
      sum += at(i) * counts[i];
    }
    // as with the exponential: never longer than a tenth of the points so far
    const wide = Math.max(1, Math.min(most, rows / 10));
    while (first < i && weight - (counted(first) ? counts[first] : 0) >= wide) {
      if (counted(first)) {
        weight -= counts[first];
        sum -= at(first) * counts[first];
      }
      first++;
    }
    if (!Number.isFinite(values[i])) out[i] = NaN;
    else out[i] = counts[i] ? sum / weight : undefined;
  }
  return out;
}
