import { describe, expect, it } from "vitest";
import { clock, count, power, sig, ticks } from "../src/numbers.js";

// the same table is in tests/views/test_views_words.py
const SIG = [
  [0, "0"], [0.5164, "0.516"], [0.0123, "0.0123"], [0.00104, "0.00104"], [0.001, "0.001"], [1.2e-3, "0.0012"],
  [3e-5, "3e-5"], [1.234e-4, "1.23e-4"], [26.84, "26.8"], [1240, "1,240"], [99999, "99,999"], [2.5e6, "2.5e6"],
  [-0.0632, "-0.0632"], [NaN, "NaN"], [Infinity, "inf"], [-Infinity, "-inf"], [null, ""], [0.9996, "1.000"], [123.4, "123"], [999.6, "1,000"],
];

describe("numbers as words", () => {
  it.each(SIG)("%s is %s", (value, words) => expect(sig(value)).toBe(words));

  it("parts thousands", () => expect(count(1234567)).toBe("1,234,567"));

  it("names lengths of time", () => {
    expect([0, 9, 192, 3599, 3900].map(clock)).toEqual(["0:00", "0:09", "3:12", "59:59", "1 h 05"]);
  });

  it("writes powers of ten short", () => {
    expect([1000, 1, 0.1, 1e-3, 1e7].map(power)).toEqual(["1,000", "1", "0.1", "1e-3", "1e7"]);
  });

  it("gives all ticks of an axis the same decimals", () => {
    expect(ticks([0, 0.5, 1])).toEqual(["0.0", "0.5", "1.0"]);
    expect(ticks([16, 20, 24])).toEqual(["16", "20", "24"]);
    expect(ticks([0, 1e-3, 2e-3, 3e-3])).toEqual(["0", "1e-3", "2e-3", "3e-3"]);
  });
});
