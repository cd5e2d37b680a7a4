// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { oneColumn } from "../src/compare/code.js";
import { categoryFilter, rangeFilter, withFilter, word } from "../src/compare/filter.js";
import { settled, spread } from "../src/compare/overlay.js";
import { filterOf, share, valueAt } from "../src/compare/parallel.js";
import { Source } from "../src/compare/source.js";

const LR = { name: "lr", kind: "log", low: 0.001, high: 0.1 };
const OPT = { name: "optimizer", kind: "category", values: ["adam", "sgd", "my opt"] };
const ACC = { name: "val/accuracy, %", kind: "number", low: 90, high: 94 };
const HEAD = { choice: { statistic: "best", better: "higher" }, metric: { key: "val/accuracy", scale: 100 } };

describe("a brush as words", () => {
  it("names the ends that cut something off, outwards rounded", () => {
    expect(rangeFilter("lr", LR, [0.001, 0.012346])).toBe("lr <= 0.01235");
    expect(rangeFilter("lr", LR, [0.0023456, 0.1])).toBe("lr >= 0.002345");
    expect(rangeFilter("lr", LR, [0.001, 0.1])).toBe("");
  });
  it("is told in the metric's own numbers and by its statistic", () => {
    expect(filterOf(ACC, true, HEAD, 0.5, 1)).toBe("val/accuracy.max >= 0.92");
    expect(filterOf({ ...LR, name: "status" }, false, HEAD, 0, 0.5)).toBe("params.status <= 0.01");
  });
  it("quotes words and puts several values in brackets", () => {
    expect(filterOf(OPT, false, HEAD, 0.4, 1)).toBe('(optimizer = sgd or optimizer = "my opt")');
    expect(categoryFilter("optimizer", ["adam"])).toBe("optimizer = adam");
    expect(word("and")).toBe('"and"');
  });
  it("is added to a query, or to the runs that were named", () => {
    expect(withFilter("a or b", "lr < 1")).toBe("(a or b) and lr < 1");
    expect(withFilter("a", "lr < 1")).toBe("a and lr < 1");
    expect(withFilter("", "lr < 1", { ids: ["x", "y"], all: 9 })).toBe("(id = x or id = y) and lr < 1");
    expect(withFilter("", "lr < 1", { ids: ["x", "y"], all: 2 })).toBe("lr < 1");
  });
});

describe("places", () => {
  it("go to an axis and back", () => {
    expect(share(LR, 0.01)).toBeCloseTo(0.5);
    expect(valueAt(LR, 0.5)).toBeCloseTo(0.01);
    expect(share(OPT, 1)).toBe(0.5);
  });
  it("of names stay apart and inside", () => {
    expect(spread([10, 12, 50], 15, 0, 60)).toEqual([10, 25, 50]);
    expect(spread([58, 59], 15, 0, 60)).toEqual([45, 60]);
  });
  it("leave out a steep start, and keep what has none", () => {
    const rising = [[0, 70, 80, 85, 90, 91, 92, 92, 92, 92]];
    expect(settled(rising, "higher")[0]).toBe(70);
    expect(settled([[1, 2, 3, 4, 5, 6, 7, 8, 9]], "higher")).toBe(null);
    expect(settled(rising.map((y) => y.map((v) => 100 - v)), "lower")[1]).toBe(30);
  });
});

it("one column shows all of A in a block, then all of B", () => {
  const side = (n) => ({ n, t: [["x", 0]] });
  const rows = [{ k: "edit", a: side(1), b: side(1) }, { k: "edit", a: side(2), b: side(2) }, { k: "same", a: side(3), b: side(3) }];
  expect(oneColumn(rows).map((row) => `${row.k}${(row.a || row.b).n}`)).toEqual(["del1", "del2", "add1", "add2", "same3"]);
});

function model(first) {
  const sent = [];
  let hear = null;
  return { sent, get: () => first, on: (_, f) => (hear = f), off: () => {}, send: (m) => sent.push(m), answer: (i, m) => hear({ to: sent[i].me, n: sent[i].n, ...m }) };
}
const settle = () => new Promise((done) => setTimeout(done));

describe("the source", () => {
  it("takes the newest answer and keeps the picture at a mistake", async () => {
    const page = model({ head: { hits: 3 } }), source = new Source(page), told = [];
    source.onChange((what) => told.push(what));
    source.choose({ query: "a" });
    source.choose({ metric: "loss" });
    expect(page.sent[1].choice).toEqual({ query: "a", metric: "loss" }); // the unanswered one goes along
    page.answer(1, { t: "chosen", payload: { head: { hits: 2 } } });
    page.answer(0, { t: "chosen", payload: { head: { hits: 9 } } });
    await settle();
    expect(source.head.hits).toBe(2);
    source.choose({ query: "(" });
    page.answer(2, { t: "wrong", why: "no", text: "(", start: 0, end: 1 });
    await settle();
    expect([source.head.hits, source.wrong.why, told.filter((what) => what !== "busy")]).toEqual([2, "no", ["payload", "error"]]);
    source.choose({ metric: "loss" });
    page.answer(3, { t: "chosen", payload: { head: { hits: 1 } } });
    await settle();
    expect([source.head.hits, source.wrong.why]).toEqual([1, "no"]); // still in the field
    source.destroy();
  });
});
