// The table behind a chart: the same points for keyboard and screen reader.
import { h } from "./dom.js";
import { clock, count, sig } from "./numbers.js";

const MOST_ROWS = 200;

/** Rows of a joined table `[x, ...ys]` between two places; evenly chosen if there are many. */
export function chosen(data, [low, high], most = MOST_ROWS) {
  const inside = [];
  for (let i = 0; i < data[0].length; i++) {
    if (data[0][i] < low || data[0][i] > high) continue;
    if (data.slice(1).some((ys) => ys[i] !== undefined)) inside.push(i);
  }
  if (inside.length <= most) return { rows: inside, of: inside.length };
  const rows = Array.from({ length: most }, (_, k) => inside[Math.round((k * (inside.length - 1)) / (most - 1))]);
  return { rows, of: inside.length };
}

export function valueTable(title, names, data, range, axis, close) {
  const { rows, of } = chosen(data, range);
  const place = (x) => ({ step: count(x), time: clock(x), epoch: x.toFixed(2) })[axis.mode];
  const word = (v) => (v === undefined ? "" : v === null ? "–" : sig(v, 4));
  const note = rows.length < of ? `, ${count(rows.length)} of ${count(of)} points held; the CSV has all of them` : "";
  return h("div", { class: "values", tabindex: 0, role: "region", "aria-label": `Values of ${title}` },
    h("button", { class: "btn quiet", type: "button", onclick: close }, "Close table"),
    h("table", {},
      h("caption", { class: "sub tiny" }, `${title}${note}`),
      h("thead", {}, h("tr", {}, [axis.mode, ...names].map((name) => h("th", { scope: "col", class: "num" }, name)))),
      h("tbody", {}, rows.map((i) => h("tr", {}, h("th", { scope: "row", class: "num" }, place(data[0][i])), data.slice(1).map((ys) => h("td", { class: "num" }, word(ys[i]))))))));
}
