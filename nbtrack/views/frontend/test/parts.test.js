// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { Axis } from "../src/axis.js";
import { Column } from "../src/columns.js";
import { Control, rateOf } from "../src/control.js";
import { cell, csv, fileName, held, path } from "../src/download.js";
import { Events } from "../src/events.js";
import { Findings } from "../src/findings.js";
import { Finer, isThinned, merge } from "../src/finer.js";
import { moved, scaled } from "../src/gestures.js";
import { decades, decode, Maps } from "../src/heat.js";
import { bounded, lineData, standOut } from "../src/lines.js";
import { epochLines, marksOf, placeLabels } from "../src/marks.js";
import { Settings } from "../src/settings.js";
import { rolling, windowOf } from "../src/smooth.js";
import { chosen } from "../src/values.js";

const EVIL = "<img src=x onerror=alert(1)>";
const column = (values, steps = values.map((_, i) => i), counts = values.map(() => 1)) => {
  const made = new Column();
  made.push({ length: values.length, steps, times: steps.map((s) => s / 2), values, means: values, counts }, 0);
  return made;
};
const plain = (made, name = "values") => [...made[name].slice(0, made.length)];

beforeEach(() => vi.useFakeTimers());

describe("the axis", () => {
  const settings = { xmode: "epoch" };
  const axis = new Axis(settings);
  axis.epochs = [[0, 0, 0], [10, 5, 1], [30, 15, 2]];

  it("tells steps as epochs and back, beyond the last by the length of the last", () => {
    expect([0, 5, 10, 20, 30, 40].map((s) => axis.epochOf(s))).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
    expect([0, 0.5, 1.5, 2.5].map((x) => axis.stepAt(x))).toEqual([0, 5, 20, 40]);
    expect(axis.words(1.5)).toBe("epoch 1.50");
  });

  it("is one of steps where nothing is known of epochs", () => {
    const bare = new Axis(settings);
    expect(bare.mode).toBe("step");
    bare.epochs = [[0, 0, 0]];
    expect(bare.mode).toBe("step");
    bare.expected = { steps: 40, epochs: 4 };
    expect(bare.of(20)).toBe(2);
  });

  it("tells steps as seconds by a series", () => {
    const timed = new Axis({ xmode: "time" });
    timed.timedBy(column([1, 2, 3], [0, 10, 20]));
    expect([timed.of(5), timed.stepAt(7.5), timed.of(5, 9)]).toEqual([2.5, 15, 9]);
  });
});

describe("lines", () => {
  const axis = new Axis({ xmode: "step" });
  it("are gaps at what is not finite, and ticks on the floor where log cannot", () => {
    const line = lineData(column([1, NaN, -2, 0, 4]), axis, true);
    expect(line.raw).toEqual([1, null, null, null, 4]);
    expect([line.bad, line.floor]).toEqual([[1], [2, 3]]);
    expect(lineData(column([1, NaN, -2]), axis, false).raw).toEqual([1, null, -2]);
  });
  it("are sorted where steps go back", () => expect(lineData(column([7, 8, 9], [2, 0, 1]), axis, false).raw).toEqual([8, 9, 7]));
  it("that stand out are named: not finite, far off, steep", () => {
    const many = Array.from({ length: 500 }, (_, j) => column([1, 1 + (j % 7) / 100]));
    many[13] = column([1, 1000]);
    many[77] = column([1, NaN]);
    expect(standOut(many).slice(0, 2)).toEqual([77, 13]);
  });
  it("are bounded, and a spike stays", () => {
    const made = bounded(column(Array.from({ length: 4000 }, (_, i) => (i === 1234 ? 99 : 1))), 100);
    expect(made.length).toBeLessThanOrEqual(104);
    expect(Math.max(...made.values)).toBe(99);
  });
});

describe("rolling smoothing", () => {
  it("is the mean of the last points, by hand, and of fewer at the beginning", () => {
    const values = Array.from({ length: 60 }, (_, i) => i);
    const out = rolling(values, values, values.map(() => 1), 60, 3);
    expect([out[0], out[59]]).toEqual([0, 58]);
    expect(windowOf(0.9)).toBe(19);
  });
  it("is broken by NaN and not poisoned", () => {
    const out = rolling([1, NaN, 3], [1, NaN, 3], [1, 1, 1], 3, 1);
    expect(out).toEqual([1, NaN, 3]);
  });
});

describe("finer points", () => {
  const base = column([0, 5, 9], [0, 50, 100], [1, 50, 50]);
  const part = { length: 3, steps: [20, 30, 40], times: [10, 15, 20], values: [1, 2, 3], means: [1, 2, 3], counts: [1, 1, 1] };
  it("take the place of the coarse ones, and only there", () => {
    expect(plain(merge(base, part, { name: "steps", lo: 20, hi: 40 }), "steps")).toEqual([0, 20, 30, 40, 50, 100]);
    expect(plain(merge(base, part, { name: "steps", lo: 20, hi: 60 }), "steps")).toEqual([0, 20, 30, 40, 50, 100]);
  });
  it("are asked for once, where points were left out, and late answers are for nobody", () => {
    const sent = [], finer = new Finer({ get: () => base }, new Axis({ xmode: "step" }), (m) => sent.push(m));
    finer.want([10, 30], () => [4]);
    finer.want([20, 40], () => [4]);
    vi.advanceTimersByTime(500);
    expect(sent).toEqual([{ t: "range", n: 1, for: "zoom", x: "step", lo: 20, hi: 40, k: [4], most: 1500 }]);
    expect(finer.take({ re: 1, x: "step", lo: 20, hi: 40 }, [{ ...part, id: 4 }])).toBe(true);
    expect(finer.column(4).length).toBe(6);
    expect(finer.column(4)).toBe(finer.column(4));
    finer.want(null);
    expect(finer.column(4)).toBe(base);
    expect(finer.take({ re: 1, x: "step", lo: 20, hi: 40 }, [])).toBe(false);
  });
  it("come by and by, and the range before stays until the first of them", () => {
    const sent = [], finer = new Finer({ get: () => base }, new Axis({ xmode: "step" }), (m) => sent.push(m.k), () => 2);
    finer.want([20, 40], () => [1, 2, 3]);
    vi.advanceTimersByTime(500);
    const answer = (re, id) => finer.take({ re, x: "step", lo: 20, hi: 40 }, [{ ...part, id }]);
    answer(1, 1);
    answer(2, 3);
    expect(sent).toEqual([[1, 2], [3]]);
    expect([finer.column(1).length, finer.column(3).length]).toEqual([6, 6]);
    finer.want([22, 40], () => [3]);
    vi.advanceTimersByTime(500);
    expect(finer.column(1).length).toBe(6);
    answer(3, 3);
    expect(finer.column(1)).toBe(base);
  });
  it("are not asked for where all are there", () => expect(isThinned(column([1, 2, 3]), "steps", 0, 2)).toBe(false));
});

describe("pan and zoom", () => {
  it("stay inside the run", () => {
    expect(moved([2, 4], 3, [0, 5])).toEqual([3, 5]);
    expect(moved([2, 4], -9, [0, 5])).toEqual([0, 2]);
    expect(scaled([2, 4], 0.5, 3, [0, 5])).toEqual([2.5, 3.5]);
    expect(scaled([0, 4], 4, 2, [0, 5])).toBe(null);
  });
});

describe("marks", () => {
  it("tell a finding once", () => {
    const findings = [{ code: "dead", title: "Dying ReLU", severity: "warning", first_step: 310 }, { code: "lr", title: "High lr", severity: "error", first_step: null }];
    const marks = marksOf({ events: [{ step: 310, kind: "finding", text: "Dying ReLU", code: "dead" }, { step: 5, kind: "lr", text: "lr 0.1" }], findings });
    expect(marks.map((m) => [m.step, m.kind, m.finding])).toEqual([[5, "lr", undefined], [310, "finding", 0], [null, "finding", 1]]);
  });
  it("of epochs are thinned, and the beginning is no end", () => {
    const epochs = Array.from({ length: 101 }, (_, e) => [e * 10, e, e]);
    expect(epochLines(epochs, 10).map(([step]) => step)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  });
  it("never write over one another: the graver one keeps its words", () => {
    const marks = [{ kind: "lr" }, { kind: "exception" }, { kind: "finding" }];
    expect(placeLabels(marks, [10, 20, 190], [60, 60, 60], 200)).toEqual([null, "right", "left"]);
    expect(placeLabels(marks, [120, 100, 190], [60, 60, 60], 280)).toEqual([null, "left", "right"]);
  });
  it("are a list of buttons that show markup as text", () => {
    const picked = [], events = new Events((m) => picked.push(m.step));
    events.update([{ step: 3, kind: "note", text: EVIL }, { step: null, kind: "note", text: "rare" }]);
    expect(events.el.querySelector("img")).toBe(null);
    events.el.querySelector("button").click();
    expect([picked, events.el.textContent.includes("1 more")]).toEqual([[3], true]);
  });
});

describe("findings", () => {
  const one = { code: "dead", title: "Dying ReLU in block2", sentence: "91 % are zero.", advice: "warm up", severity: "warning", first_step: 310, keys: [], code_to_try: "x = 1" };
  it("are told one at a time, with code and the word that it is intended", () => {
    const shown = [], made = new Findings((f) => shown.push(f.code));
    made.update([one, { ...one, code: "b", title: EVIL }]);
    expect(made.text.textContent).toBe("Dying ReLU in block2 since step 310. 91 % are zero.");
    expect(made.more.textContent).toBe("1 more");
    made.show.click();
    made.try.click();
    expect([shown, made.pre.textContent]).toEqual([["dead"], "x = 1"]);
    made.intended.click();
    expect(made.pre.textContent).toBe("# nbtrack: ok dead");
    made.more.click();
    expect([made.el.querySelector("img"), made.text.textContent.includes(EVIL)]).toEqual([null, true]);
  });
  it("that are no alarms are not shown", () => {
    const made = new Findings(() => {});
    made.update([{ ...one, severity: "info" }]);
    expect(made.el.hidden).toBe(true);
  });
});

describe("the learning rate", () => {
  const control = () => {
    const sent = [], made = new Control({ send: (m) => sent.push(m) }, () => {});
    made.update({ status: "running", can_lr: true }, { group0: 0.01 });
    return { sent, made };
  };
  it("is a number above zero", () => expect(["1e-3", "0,5", "0", "-1", "x", "", "NaN"].map(rateOf)).toEqual([0.001, 0.5, null, null, null, null, null]));
  it("is sent, waited for and taken back to what the run says", () => {
    const { sent, made } = control();
    expect(made.input.value).toBe("0.01");
    made.input.value = "abc";
    made.apply.click();
    expect([sent, made.hint.textContent]).toEqual([[], "a number above 0, such as 0.001 or 1e-3"]);
    made.input.value = "0.002";
    made.apply.click();
    expect(sent).toEqual([{ t: "lr", n: 1, group: null, value: 0.002 }]);
    expect([made.hint.textContent, made.apply.getAttribute("aria-disabled")]).toEqual(["applies after this step", "true"]);
    made.answered({ of: "lr", ok: true });
    expect([made.unheard, made.apply.getAttribute("aria-disabled")]).toEqual(["", null]);
  });
  it("says after a second that nobody hears", () => {
    const { made } = control();
    made.apply.click();
    vi.advanceTimersByTime(1100);
    expect(made.unheard).toContain("cannot hear");
  });
  it("is not offered where it cannot be changed", () => {
    const { made } = control();
    made.update({ status: "running", can_lr: false }, { group0: 0.01 });
    expect(made.lr.hidden).toBe(true);
  });
});

describe("the heat map", () => {
  const message = (from, cols, highs, v = 1) => {
    const wide = cols - from, bytes = new Uint8Array(8 + 4 * wide);
    new Float32Array(bytes.buffer, 0, 2).set([0.5, NaN]);
    bytes.set(highs, 8);
    bytes.set(highs, 8 + 2 * wide);
    return [{ map: "grad_norm", v, first: 0, per: 10, rows: 2, cols, from }, new DataView(bytes.buffer)];
  };
  it("grows by columns, and waits for a whole one where it missed some", () => {
    const maps = new Maps();
    expect(maps.receive(...message(1, 2, [9, 9]))).toBe(false);
    expect(maps.receive(...message(0, 2, [10, 20, 30, 40]))).toBe(true);
    expect(maps.receive(...message(1, 3, [21, 22, 41, 42]))).toBe(true);
    expect([...maps.held.get("grad_norm").highs]).toEqual([10, 21, 22, 30, 41, 42]);
    expect(maps.receive(...message(2, 3, [9, 9], 2))).toBe(false);
  });
  it("reads codes: none, zero, not finite, a power", () => {
    expect([decode(0), decode(1), decode(255), decode(2)]).toEqual([NaN, -Infinity, Infinity, -12]);
    expect(decode(128)).toBeCloseTo(-2, 9);
    expect(decades([0, 1, 255])).toEqual([-3, 0]);
    expect(decades([128, 128])).toEqual([-5, -2]);
  });
});

describe("what is kept for the next run", () => {
  it("is found by name or by cell, and the zoom is not among it", () => {
    const settings = new Settings();
    settings.recall(["/nb|name|a", "/nb|cell|3"]);
    settings.smoothing = 0.5;
    settings.toggle("loss", EVIL);
    const again = new Settings();
    expect(again.recall(["/nb|name|other", "/nb|cell|3"])).toBe(true);
    expect([again.smoothing, again.isHidden("loss", EVIL), "zoom" in again]).toEqual([0.5, true, false]);
    expect(new Settings().recall(["/nb|name|unknown"])).toBe(false);
  });
  it("only this: the others are hidden, and come back", () => {
    const settings = new Settings();
    settings.only("loss", "a", ["a", "b", "c"]);
    expect(settings.hidden.loss).toEqual(["b", "c"]);
    settings.only("loss", "a", ["a", "b", "c"]);
    expect(settings.hidden.loss).toEqual([]);
  });
});

describe("files", () => {
  it("hold the points, and say what each stands for", () => {
    const made = column([1, NaN], [0, 9], [1, 8]);
    expect(csv([{ key: 'a,"b"', column: made }])).toBe('key,step,time_s,value,stands_for\n"a,""b""",0,0,1,1\n"a,""b""",9,4.5,NaN,8\n');
    expect(held([made])).toEqual({ points: 2, logged: 9, thinned: true });
    expect(cell("=1+1")).toBe("'=1+1");
    expect(fileName(["a/b <c>", "loss", ""], "csv")).toBe("a_b_c_-loss.csv");
  });
  it("draw gaps as gaps", () => expect(path([0, 1, 2, 3], [5, undefined, null, 7], (x) => x, (y) => y)).toBe("M0 5M3 7"));
  it("the table is every k-th where there are many", () => {
    const data = [Array.from({ length: 1000 }, (_, i) => i), Array.from({ length: 1000 }, (_, i) => i)];
    const { rows, of } = chosen(data, [100, 899], 5);
    expect([rows, of]).toEqual([[100, 300, 500, 699, 899], 800]);
  });
});
