import { describe, expect, it } from "vitest";
import { smooth, strength } from "../src/smooth.js";

const whole = (values, a) => smooth(values, values, values.map(() => 1), values.length, a);

describe("exponential smoothing", () => {
  it("is the sum done by hand", () => {
    // after 100 points 0.5 is allowed in full: 1, then half way to 3, then half way to 5
    expect(whole([...Array(100).fill(1), 3, 5], 0.5).slice(99)).toEqual([1, 2, 3.5]);
  });

  it("follows the fast beginning of a run", () => expect(whole([9, 5, 2, 1], 0.9)).toEqual([9, 5, 2, 1]));

  it("does not change what was drawn when more points come", () => {
    const values = Array.from({ length: 300 }, (_, i) => Math.cos(i));
    expect(whole(values, 0.9).slice(0, 200)).toEqual(whole(values.slice(0, 200), 0.9));
  });

  it("at zero gives back what came in", () => expect(whole([3, 1, 2], 0)).toEqual([3, 1, 2]));

  it("is never longer than a tenth of the points", () => {
    expect(strength(0.99, 20)).toBeCloseTo(0.5);
    expect(strength(0.99, 5)).toBe(0);
    expect(strength(0.9, 1e6)).toBe(0.9);
  });

  it("breaks at what is not finite and is not poisoned by it", () => {
    const values = [...Array(200).fill(1), NaN, ...Array(10).fill(1), Infinity, 1];
    const out = whole(values, 0.9);
    expect(out[200]).toBeNaN();
    expect(out[211]).toBeNaN();
    expect(out[201]).toBeCloseTo(1);
    expect(out[212]).toBeCloseTo(1);
  });

  it("of a thinned series ends where that of the whole series ends", () => {
    const values = Array.from({ length: 1000 }, (_, i) => Math.sin(i / 90));
    const slow = whole(values, 0.9);
    // buckets of five, of which the last point carries the mean of all
    const means = [], kept = [];
    for (let i = 0; i < 1000; i += 5) {
      kept.push(values[i + 4]);
      means.push(values.slice(i, i + 5).reduce((a, b) => a + b) / 5);
    }
    const quick = smooth(kept, means, kept.map(() => 5), kept.length, 0.9);
    expect(quick[199]).toBeCloseTo(slow[999], 2);
  });

  it("draws on where a later point speaks for this one", () => {
    expect(smooth([1, 9, 2], [NaN, NaN, 4], [0, 0, 3], 3, 0)).toEqual([undefined, undefined, 4]);
  });
});
