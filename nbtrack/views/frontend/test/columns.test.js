import { describe, expect, it } from "vitest";
import { Column, Columns, order } from "../src/columns.js";

/** A message as nbtrack/views/wire.py packs it; the buffer starts at an odd place, as from a socket. */
function message(t, parts, { thinned = false, shift = 0 } = {}) {
  const total = parts.reduce((n, part) => n + part.v.length, 0);
  const bytes = new ArrayBuffer(total * (thinned ? 24 : 16));
  const all = (name) => parts.flatMap((part) => part[name]);
  new Float64Array(bytes, 0, total).set(all("s"));
  new Float32Array(bytes, total * 8, total).set(all("s").map((step) => step / 10));
  new Float32Array(bytes, total * 12, total).set(all("v"));
  if (thinned) {
    new Float32Array(bytes, total * 16, total).set(all("m"));
    new Float32Array(bytes, total * 20, total).set(all("c"));
  }
  const moved = new Uint8Array(bytes.byteLength + shift);
  moved.set(new Uint8Array(bytes), shift);
  const place = t === "rows" ? { at: parts.map((p) => p.at) } : { upto: parts.map((p) => p.upto) };
  const head = { t, k: parts.map((p) => p.k), n: parts.map((p) => p.v.length), ...(thinned ? { w: 1 } : {}), ...place };
  return [head, new DataView(moved.buffer, shift)];
}
const rows = (k, at, steps, values = steps) => message("rows", [{ k, at, s: steps, v: values }], { shift: 3 });
const steps = (column) => [...column.steps.subarray(0, column.length)];

describe("points held by a page", () => {
  it("grow by the pieces that come", () => {
    const columns = new Columns();
    expect(columns.receive(...rows(1, 0, [0, 1]))).toBe(false);
    expect(columns.receive(...rows(1, 2, [2]))).toBe(false);
    expect(steps(columns.get(1))).toEqual([0, 1, 2]);
    expect(columns.get(1).rows).toBe(3);
  });

  it("do not double when a piece comes twice or overlaps", () => {
    const columns = new Columns();
    columns.receive(...rows(1, 0, [0, 1]));
    columns.receive(...rows(1, 0, [0, 1]));
    columns.receive(...rows(1, 1, [1, 2]));
    expect(steps(columns.get(1))).toEqual([0, 1, 2]);
  });

  it("ask for what was missed, and take the full picture", () => {
    const columns = new Columns();
    expect(columns.receive(...rows(1, 50, [50]))).toBe(true);
    expect(columns.get(1).length).toBe(0);
    const snap = message("snap", [{ k: 1, upto: 52, s: [0, 20, 51], v: [1, 9, 2], m: [NaN, NaN, 3], c: [0, 0, 52] }], { thinned: true });
    expect(columns.receive(...snap)).toBe(false);
    expect(steps(columns.get(1))).toEqual([0, 20, 51]);
    expect(columns.get(1).rows).toBe(52);
    expect(columns.receive(...rows(1, 52, [52]))).toBe(false);
    expect(steps(columns.get(1))).toEqual([0, 20, 51, 52]);
  });

  it("stay as they are when a full picture has nothing finer", () => {
    const columns = new Columns();
    columns.receive(...rows(1, 0, [0, 1, 2, 3]));
    columns.receive(...message("snap", [{ k: 1, upto: 4, s: [0, 3], v: [0, 3], m: [NaN, 1], c: [0, 4] }], { thinned: true }));
    expect(steps(columns.get(1))).toEqual([0, 1, 2, 3]);
  });

  it("keep several series of one message apart", () => {
    const columns = new Columns();
    columns.receive(...message("rows", [{ k: 4, at: 0, s: [0, 1], v: [5, 6] }, { k: 9, at: 0, s: [7], v: [8] }]));
    expect([...columns.get(4).values.subarray(0, 2)]).toEqual([5, 6]);
    expect(steps(columns.get(9))).toEqual([7]);
    expect(columns.get(9).times[0]).toBeCloseTo(0.7);
  });

  it("keep a spike of one point among a million, in bounded memory", () => {
    const column = new Column();
    for (let at = 0; at < 1e6; at += 1000) {
      const chunk = Array.from({ length: 1000 }, (_, i) => at + i);
      column.push({ length: 1000, steps: chunk, times: chunk, values: chunk.map((s) => (s === 123456 ? 99 : s === 800001 ? -99 : 1)) }, 0);
    }
    expect(column.length).toBeLessThanOrEqual(4096);
    expect(column.rows).toBe(1e6);
    const held = [...column.values.subarray(0, column.length)];
    expect(column.steps[held.indexOf(99)]).toBe(123456);
    expect(column.steps[held.indexOf(-99)]).toBe(800001);
    expect(column.steps[0]).toBe(0);
    expect(column.steps[column.length - 1]).toBe(999999);
  });

  it("have an order along the axis where steps go back", () => {
    const columns = new Columns();
    columns.receive(...rows(1, 0, [0, 1, 2, 0, 1]));
    expect(order(columns.get(1).steps, columns.get(1).length)).toEqual([0, 3, 1, 4, 2]);
    columns.receive(...rows(2, 0, [0, 1, 1, 2]));
    expect(order(columns.get(2).steps, columns.get(2).length)).toBe(null);
  });
});
