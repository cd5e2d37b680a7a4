// How the rows and the head of a grid are drawn; every text goes in as text.
import { h } from "../dom.js";
import { sig } from "../numbers.js";

export const BOX = 28; // pixels of the column of checkboxes

/** What a cell says: its text, else its value, numbers with three digits. */
export function shown(column, row) {
  if (column.text) return String(column.text(row) ?? "");
  const value = column.value?.(row);
  return typeof value === "number" ? sig(value) : String(value ?? "");
}

export function rowOf(grid, row, above, index) {
  const cells = grid.columns.map((column, i) => cellOf(grid, column, row, above, index, i + grid.lead));
  if (grid.lead) {
    const label = row ? `Select ${shown(grid.columns[0], row)}` : null;
    const box = row && h("input", { type: "checkbox", class: "g-box", tabindex: -1, "aria-label": label });
    cells.unshift(h("div", { ...place(grid, index, 0), class: "g-cell g-check g-pinned" }, box));
  }
  const more = (row && grid.options.rowClass?.(row)) || "";
  return h("div", { class: `g-row ${more}`, role: "row", "aria-rowindex": index + 2, "aria-busy": row ? null : "true", "data-index": index }, cells);
}

function cellOf(grid, column, row, above, index, at) {
  const dim = row && column.dim?.(row, above);
  const cell = h("div", {
    ...place(grid, index, at), "data-column": column.id, title: (row && column.title?.(row)) || null,
    class: `g-cell g-${column.kind || "text"}${column.pinned ? " g-pinned" : ""}${dim ? " g-dim" : ""}`,
  });
  pin(grid, column, cell);
  if (row) cell.append(column.kind === "node" ? (column.node(row, cell) ?? "") : shown(column, row));
  return cell;
}

const place = (grid, index, at) => ({ role: "gridcell", id: `${grid.name}-${index}-${at}`, "aria-colindex": at + 1 });

const pin = (grid, { pinned }, cell) => {
  if (pinned) cell.style.left = `${BOX * grid.lead}px`;
};

export function headOf(grid) {
  const heads = grid.columns.map((column, i) => {
    const sortable = column.sortable !== false;
    const sorted = grid.sort?.id === column.id ? grid.sort.direction : "none";
    const head = h("div", {
      class: `g-cell g-${column.kind === "number" || column.right ? "number" : "text"}${column.pinned ? " g-pinned" : ""}`,
      role: "columnheader", id: `${grid.name}-h-${i + grid.lead}`, "aria-colindex": i + grid.lead + 1,
      "aria-sort": sortable ? sorted : null, "data-column": column.id, title: column.hint || column.label,
    }, h("span", { class: sortable ? "g-name" : "" }, column.label));
    pin(grid, column, head);
    return head;
  });
  if (grid.lead) {
    const box = h("input", { type: "checkbox", class: "g-box", tabindex: -1, "aria-label": "Select all" });
    heads.unshift(h("div", { class: "g-cell g-check g-pinned", role: "columnheader", id: `${grid.name}-h-0`, "aria-colindex": 1 }, box));
  }
  return h("div", { class: "g-row", role: "row", "aria-rowindex": 1 }, heads);
}
