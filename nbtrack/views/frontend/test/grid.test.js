// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { h } from "../src/dom.js";
import { Chooser } from "../src/runs/chooser.js";
import { Grid } from "../src/runs/grid.js";
import { inOrder } from "../src/runs/order.js";

const EVIL = "<img src=x onerror=alert(1)>";
const rows = (n) => Array.from({ length: n }, (_, i) => ({ id: `r${i}`, name: i % 2 ? "b" : "a", loss: (i * 7) % 10 }));
const COLUMNS = [
  { id: "id", label: "run", kind: "mono", width: 80, value: (row) => row.id, pinned: true },
  { id: "name", label: "name", width: 100, grow: 1, value: (row) => row.name },
  { id: "loss", label: "loss", kind: "number", width: 60, value: (row) => row.loss },
  { id: "mark", label: "mark", kind: "node", width: 60, sortable: false, node: (row) => h("i", {}, row.id) },
];

function table(options = {}) {
  const grid = new Grid({ columns: COLUMNS, rows: rows(5), label: "Runs", ...options });
  document.body.replaceChildren(grid.el);
  return grid;
}
const ids = (grid) => [...grid.el.querySelectorAll(".g-body .g-row")]
  .sort((a, b) => a.dataset.index - b.dataset.index).map((row) => row.dataset.key);
const press = (grid, key, more = {}) => grid.el.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const cell = (grid, row, id) => grid.el.querySelector(`[data-index="${row}"] [data-column="${id}"]`);
const head = (grid, id) => grid.el.querySelector(`.g-head [data-column="${id}"]`);

describe("the grid", () => {
  it("draws the rows on the screen and no others, and says how many there are", () => {
    const grid = table({ rows: rows(10_000), maxHeight: 270 });
    expect(ids(grid)).toHaveLength(10 + 8 + 1); // 10 fit, 8 spare below, the one that is cut
    expect(grid.el.getAttribute("role")).toBe("grid");
    expect(grid.el.getAttribute("aria-rowcount")).toBe("10001");
    expect(grid.body.style.height).toBe("270000px");
    grid.el.scrollTop = 27 * 5000;
    grid.refresh();
    expect(ids(grid)[0]).toBe("r4992");
    expect(ids(grid)).toHaveLength(8 + 10 + 8 + 1);
    expect(grid.el.querySelector('[data-key="r5000"]').getAttribute("aria-rowindex")).toBe("5002");
  });

  it("shows markup as text, in cells, heads and hints", () => {
    const grid = table({ columns: [{ id: "x", label: EVIL, value: (row) => row.name, title: (row) => row.name }], rows: [{ id: EVIL, name: EVIL }] });
    expect(grid.el.querySelector("img")).toBe(null);
    expect(cell(grid, 0, "x").textContent).toBe(EVIL);
    expect(head(grid, "x").textContent).toBe(EVIL);
  });

  it("sorts by a click on the head: numbers from the largest, words from a, and back", () => {
    const grid = table();
    head(grid, "loss").click();
    expect(head(grid, "loss").getAttribute("aria-sort")).toBe("descending");
    expect(ids(grid)).toEqual(["r4", "r1", "r3", "r2", "r0"].sort((a, b) => loss(b) - loss(a)));
    head(grid, "loss").click();
    expect(head(grid, "loss").getAttribute("aria-sort")).toBe("ascending");
    expect(ids(grid)[0]).toBe("r0");
    head(grid, "name").click();
    expect(head(grid, "name").getAttribute("aria-sort")).toBe("ascending");
    expect(head(grid, "loss").getAttribute("aria-sort")).toBe("none");
    expect(ids(grid)).toEqual(["r0", "r2", "r4", "r1", "r3"]); // equal names keep the order of the rows
    head(grid, "mark").click();
    expect(grid.sort.id).toBe("name");
    expect(head(grid, "mark").hasAttribute("aria-sort")).toBe(false);
  });
  const loss = (id) => (Number(id.slice(1)) * 7) % 10;

  it("leaves sorting to its owner where that is wanted", () => {
    const onSort = vi.fn(), grid = table({ onSort });
    head(grid, "loss").click();
    expect(onSort).toHaveBeenCalledWith({ id: "loss", direction: "descending" });
    expect(ids(grid)).toEqual(["r0", "r1", "r2", "r3", "r4"]);
  });

  it("selects with the box, with shift a range, and all", async () => {
    const onSelect = vi.fn(), grid = table({ onSelect });
    const box = (row, more) => grid.el.querySelector(`[data-index="${row}"] .g-check`).dispatchEvent(new MouseEvent("click", { bubbles: true, ...more }));
    box(1);
    expect([...grid.selected]).toEqual(["r1"]);
    expect(grid.el.querySelector('[data-key="r1"]').getAttribute("aria-selected")).toBe("true");
    expect(grid.el.querySelector('[data-key="r1"] input').checked).toBe(true);
    box(3, { shiftKey: true });
    await Promise.resolve();
    expect([...grid.selected]).toEqual(["r1", "r2", "r3"]);
    expect(grid.allBox.indeterminate).toBe(true);
    box(2);
    expect([...grid.selected]).toEqual(["r1", "r3"]);
    grid.el.querySelector(".g-head .g-check").click();
    expect(grid.selected.size).toBe(0);
    grid.el.querySelector(".g-head .g-check").click();
    await Promise.resolve();
    expect(grid.selected.size).toBe(5);
    expect(grid.allBox.checked).toBe(true);
    expect(onSelect).toHaveBeenCalledTimes(5);
  });

  it("goes by the keyboard: cells, rows, ends, ranges, opening and editing", async () => {
    const onOpen = vi.fn(), edit = vi.fn();
    const columns = COLUMNS.map((column) => (column.id === "name" ? { ...column, edit } : column));
    const grid = table({ rows: rows(100), onOpen, columns, maxHeight: 270 });
    press(grid, "ArrowDown");
    press(grid, "ArrowRight");
    expect(grid.active).toEqual({ row: 1, column: 1 });
    expect(document.getElementById(grid.el.getAttribute("aria-activedescendant")).textContent).toBe("r1");
    press(grid, "End");
    expect(grid.active.column).toBe(4);
    press(grid, "End", { ctrlKey: true });
    expect(grid.active).toEqual({ row: 99, column: 4 });
    expect(ids(grid)).toContain("r99");
    press(grid, "ArrowDown");
    expect(grid.active.row).toBe(99);
    press(grid, "PageUp");
    expect(grid.active.row).toBe(91);
    press(grid, "Home", { ctrlKey: true });
    press(grid, " ");
    expect([...grid.selected]).toEqual(["r0"]);
    press(grid, "ArrowDown", { shiftKey: true });
    press(grid, "ArrowDown", { shiftKey: true });
    await Promise.resolve();
    expect([...grid.selected]).toEqual(["r0", "r1", "r2"]);
    press(grid, "ArrowRight");
    press(grid, "Enter");
    expect(onOpen).toHaveBeenCalledWith(grid.rows[2], 2);
    press(grid, "ArrowRight");
    press(grid, "F2");
    expect(edit).toHaveBeenCalledWith(grid.rows[2], 2);
    press(grid, "PageUp");
    press(grid, "ArrowUp");
    expect(grid.active.row).toBe(-1);
    press(grid, "Enter");
    expect(head(grid, "name").getAttribute("aria-sort")).toBe("ascending");
    const other = new KeyboardEvent("keydown", { key: "x", bubbles: true, cancelable: true });
    grid.el.dispatchEvent(other);
    expect(other.defaultPrevented).toBe(false); // not one of ours
  });

  it("asks for the rows that are seen, and waits for those that are not here", () => {
    const onRange = vi.fn(), here = new Map();
    const grid = table({ rows: undefined, count: 1000, rowAt: (i) => here.get(i), onRange, maxHeight: 270 });
    expect(onRange).toHaveBeenLastCalledWith(0, 18);
    expect(grid.el.querySelectorAll('[aria-busy="true"]')).toHaveLength(19);
    rows(19).forEach((row, i) => here.set(i, row));
    grid.refresh();
    expect(grid.el.querySelectorAll('[aria-busy="true"]')).toHaveLength(0);
    grid.el.scrollTop = 27 * 500;
    grid.refresh();
    expect(onRange).toHaveBeenLastCalledWith(492, 518);
  });

  it("draws a row again only if it is another object, and keeps an editor meanwhile", () => {
    const all = rows(3), grid = table({ rows: all }), before = grid.el.querySelector('[data-index="0"]');
    grid.refresh();
    expect(grid.el.querySelector('[data-index="0"]')).toBe(before);
    const done = vi.fn(), field = h("input", { value: "a" });
    grid.edit(1, "name", field, done);
    expect(document.activeElement).toBe(field);
    grid.setRows(all.map((row) => ({ ...row, name: "new" })));
    expect(field.isConnected).toBe(true);
    expect(cell(grid, 0, "name").textContent).toBe("new");
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(done).toHaveBeenCalledOnce();
    expect(cell(grid, 1, "name").textContent).toBe("new");
    expect(document.activeElement).toBe(grid.el);
  });

  it("puts what has no value last, whichever way it is sorted", () => {
    const values = [3, null, "b", 1, NaN, "a10", "a9"];
    expect(inOrder(values, (v) => v, "ascending")).toEqual([1, 3, "a9", "a10", "b", null, NaN]);
    expect(inOrder(values, (v) => v, "descending")).toEqual(["b", "a10", "a9", 3, 1, null, NaN]);
  });
});

describe("the chooser of columns", () => {
  it("shows and hides columns, in the order of the table, and finds one of many", () => {
    const changed = vi.fn(), chooser = new Chooser(changed);
    document.body.replaceChildren(chooser.el);
    const many = Array.from({ length: 300 }, (_, i) => ({ id: `p${i}`, label: `p${i}`, group: "parameters" }));
    chooser.set([{ id: "name", label: EVIL, group: "run" }, ...many], ["p1"]);
    chooser.button.click();
    expect(chooser.el.querySelectorAll("label")).toHaveLength(200);
    expect(chooser.left.textContent).toBe("101 more: type to find them");
    expect(chooser.el.querySelector("img")).toBe(null);
    chooser.el.querySelector("label input").click();
    expect(changed).toHaveBeenLastCalledWith(["name", "p1"]);
    chooser.field.value = "P299";
    chooser.field.dispatchEvent(new Event("input"));
    expect(chooser.el.querySelectorAll("label")).toHaveLength(1);
    chooser.field.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(chooser.box.hidden).toBe(true);
  });
});
