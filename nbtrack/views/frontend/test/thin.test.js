import { describe, expect, it } from "vitest";
import { join, nearest, pick } from "../src/thin.js";

/** A small generator, seeded, so that a failure can be repeated. */
function random(seed) {
  let s = seed;
  return () => ((s = (s * 1103515245 + 12345) % 2147483648) / 2147483648);
}

describe("thinning", () => {
  it("keeps lows, highs, both ends and the order, for many random series", () => {
    for (let seed = 1; seed < 60; seed++) {
      const next = random(seed);
      const n = 5 + Math.floor(next() * 400), buckets = 1 + Math.floor(next() * 30);
      const values = Array.from({ length: n }, () => (next() < 0.05 ? NaN : next() * 10 - 5));
      const counts = values.map(() => 1);
      const kept = pick(values, values, counts, n, buckets);
      const there = kept.indices.map((i) => values[i]).filter(Number.isFinite);
      const finite = values.filter(Number.isFinite);
      expect(Math.min(...there)).toBe(Math.min(...finite));
      expect(Math.max(...there)).toBe(Math.max(...finite));
      expect(kept.indices[0]).toBe(0);
      expect(kept.indices.at(-1)).toBe(n - 1);
      expect([...kept.indices].sort((a, b) => a - b)).toEqual(kept.indices);
      expect(new Set(kept.indices).size).toBe(kept.indices.length);
      expect(kept.counts.reduce((a, b) => a + b)).toBe(n);
      if (values.some(Number.isNaN)) expect(kept.indices.some((i) => Number.isNaN(values[i]))).toBe(true);
    }
  });

  it("keeps the mean of all points through two rounds", () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i * 7) % 13);
    const once = pick(values, values, values.map(() => 1), 1000, 100);
    const chosen = once.indices.map((i) => values[i]);
    const twice = pick(chosen, once.means, once.counts, chosen.length, 10);
    const mean = twice.means.reduce((sum, m, i) => sum + (twice.counts[i] ? m * twice.counts[i] : 0), 0) / 1000;
    expect(mean).toBeCloseTo(values.reduce((a, b) => a + b) / 1000, 9);
  });
});

describe("several series on one axis", () => {
  it("have their own points, and draw on where they have none", () => {
    const out = join([{ x: [0, 1, 2], ys: [[5, null, 7]] }, { x: [1], ys: [[9]] }]);
    expect(out).toEqual([[0, 1, 2], [5, null, 7], [undefined, 9, undefined]]);
  });

  it("keep both points of a repeated step", () => {
    expect(join([{ x: [0, 1, 1, 2], ys: [[1, 2, 90, 3]] }])).toEqual([[0, 1, 1, 2], [1, 2, 90, 3]]);
  });

  it("may be empty", () => expect(join([])).toEqual([[]]));
});

describe("the nearest point", () => {
  it("is found from both sides", () => {
    expect([-5, 0.4, 0.6, 9, 2.5].map((x) => nearest([0, 1, 2, 3], x))).toEqual([0, 0, 1, 3, 2]);
    expect(nearest([], 1)).toBe(-1);
  });
});
