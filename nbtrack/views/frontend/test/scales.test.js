import { describe, expect, it } from "vitest";
import { linearRange, logLabels, logRange, logSplits, NUMBER_STEPS } from "../src/scales.js";

describe("ranges", () => {
  it("start at zero where zero is near, and not where it is far", () => {
    expect(linearRange(0.4, 2.4)[0]).toBe(0);
    expect(linearRange(18, 28)[0]).toBeGreaterThan(16);
    expect(linearRange(18, 28, true)[0]).toBe(0);
  });

  it("have a height also for a flat line and for no point", () => {
    for (const [low, high] of [[3, 3], [0, 0], [-2, -2], [0.01, 0.01], [NaN, NaN]]) {
      const [a, b] = linearRange(low, high);
      expect(b).toBeGreaterThan(a);
      if (Number.isFinite(low)) expect(a <= low && low <= b).toBe(true);
    }
    const [a, b] = logRange(2, 2);
    expect(a < 2 && 2 < b).toBe(true);
  });
});

describe("ticks of a logarithmic axis", () => {
  it.each([
    [1e-7, 0.1, ["1e-6", "1e-4", "0.01"]],
    [0.15, 15, ["0.2", "0.5", "1", "2", "5", "10"]],
    [0.3, 3, ["0.5", "1", "2"]],
  ])("from %s to %s", (low, high, labels) => expect(logLabels(logSplits(low, high, 6))).toEqual(labels));

  it("are at least two, however short the axis", () => {
    for (const [low, high] of [[0.51, 0.58], [1.001, 1.002], [4, 4.9]]) {
      expect(logSplits(low, high).length).toBeGreaterThanOrEqual(2);
    }
  });
});

it("steps of an axis are round numbers, not 2.5 and not 0.30000000000000004", () => {
  expect(NUMBER_STEPS).toContain(0.2);
  expect(NUMBER_STEPS).toContain(1e-5);
  expect(NUMBER_STEPS).not.toContain(2.5);
});
