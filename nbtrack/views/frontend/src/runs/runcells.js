// How each kind of column of the table of runs is drawn.
import { h, s } from "../dom.js";
import { icon } from "../icons.js";
import { clock, count, sig } from "../numbers.js";

const WIDE = 72; // pixels of the longest run's curve

export const duration = (seconds) => (seconds < 59.5 ? `${Math.round(seconds)} s` : clock(seconds));

export function ago(seconds) {
  if (seconds < 60) return "now";
  for (const [size, unit] of [[86400, "d"], [3600, "h"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds / 60)} min`;
}

/** `lr 0.1 → 0.01; cell 7` with the new values in bold. */
export function changed(text) {
  return h("span", { class: "chg" }, text.split(/(→ [^;]+)/).flatMap((part) => (part.startsWith("→ ") ? ["→ ", h("b", {}, part.slice(2))] : part)));
}

/** The loss as a line, as long as the run is against the longest; a gap where it is not finite. */
export function curve(row, most) {
  const known = row.curve.filter((y) => typeof y === "number");
  if (!known.length) return "";
  const low = Math.min(...known), span = Math.max(...known) - low || 1;
  const width = WIDE * Math.max(0.35, most ? (row.steps || 0) / most : 1), bad = row.status === "failed";
  const x = (i) => 1 + (row.curve.length > 1 ? (i * (width - 4)) / (row.curve.length - 1) : 0);
  const y = (value) => 16 - ((value - low) / span) * 14;
  let path = "", pen = "M", end = null;
  row.curve.forEach((value, i) => {
    if (typeof value !== "number") return (pen = "M");
    path += `${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
    end = [x(i), y(value)];
    return (pen = "L");
  });
  const colour = `var(--nbt-${bad ? "error" : "s1"})`, dot = row.status === "running" || known.length === 1;
  return s("svg", { width: WIDE, height: 18, viewBox: `0 0 ${WIDE} 18`, role: "img", "aria-label": `loss from ${sig(known[0])} to ${sig(known.at(-1))}` },
    s("path", { d: path, fill: "none", stroke: colour, "stroke-width": 1.3, "stroke-linejoin": "round" }),
    dot ? s("circle", { cx: end[0], cy: end[1], r: 2, fill: colour }) : null);
}

const status = (row) => h("span", { class: "st" }, h("span", { class: `st-${row.status}` }, icon(row.status)), row.status);
const tags = (row) => h("span", { class: "row" }, row.tags.map((tag) => h("span", { class: "tag" }, tag)));
const finding = (row) => row.finding && h("span", { class: "st" }, h("span", { class: `sev-${row.finding[0]}`, title: row.finding[0] }, icon(row.finding[0])), h("code", { class: "tiny" }, row.finding[1]));
const number = (value) => (typeof value === "number" ? sig(value) : String(value ?? ""));

const KINDS = {
  mono: { kind: "mono", width: 78 },
  name: { width: 110, grow: 2 },
  changed: { kind: "node", width: 150, grow: 3, node: (row) => changed(row.changed), title: (row) => row.changed },
  status: { kind: "node", width: 98, node: status },
  count: { kind: "number", width: 62, text: (row) => (row.steps == null ? "" : count(row.steps)) },
  number: { kind: "number", width: 74 },
  curve: { kind: "node", width: 90, sortable: false },
  finding: { kind: "node", width: 138, sortable: false, node: finding },
  duration: { kind: "number", width: 66, text: (row) => duration(row.duration) },
  ago: { kind: "number", width: 58, dim: () => true, text: (row) => ago(row.ago), title: (row) => new Date(row.started * 1000).toLocaleString() },
  tags: { kind: "node", width: 130, node: tags, title: (row) => row.tags.join(", ") },
  notes: { width: 160, text: (row) => row.notes.join(" "), title: (row) => row.notes.join("\n") },
  value: { kind: "number", width: 84 },
  text: { width: 110 },
};
const HERE = ["id", "name", "changed", "status", "steps", "loss", "duration", "tags", "notes"]; // in every row

/** A column of the grid from one that Python offers: [id, label, kind, group]. */
export function column([id, label, kind, group], view) {
  const own = HERE.includes(id), value = (row) => (own ? row[id] : id === "started" ? row.started : row.v[id]);
  const made = { id, label, group, hint: id, value, ...(KINDS[kind] || KINDS.text) };
  if (made.kind === "number") made.text ||= (row) => number(value(row));
  if (!made.title && made.kind !== "node") made.title = (row) => String((made.text ? "" : value(row)) ?? "") || null;
  if (id === "id") Object.assign(made, { pinned: true });
  if (id === "git" || id === "data") made.text = (row) => (id === "git" ? String(value(row) ?? "").slice(0, 8) : String(value(row) ?? ""));
  if (id === "curve") made.node = (row) => curve(row, view.mostSteps);
  if (id === "name") {
    Object.assign(made, { dim: (row, above) => above?.name === row.name, title: (row) => [row.name, ...row.hidden].join("\n") });
    made.kind = "node";
    made.node = (row) => h("span", { class: "row nm" }, h("span", { class: "clip" }, row.name), row.hidden.length ? h("span", { class: "st-stopped tiny", title: row.hidden.join("\n") }, "hidden state") : null);
  }
  if (["name", "tags", "notes"].includes(id)) made.edit = (row, index) => view.edit(row, index, id);
  if (id === "started" || id === "duration") made.first = "descending";
  return made;
}

export const SHOWN = ["id", "name", "changed", "status", "steps", "loss", "curve", "SCORE", "finding", "tags", "duration", "started"];
