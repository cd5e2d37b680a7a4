// One stroke on a 16 px grid. Status is always a shape, a word and a colour.
import { h, s } from "./dom.js";

const P = (d, more = {}) => ["path", { d, ...more }];
const DISC = ["circle", { cx: 8, cy: 8, r: 5, fill: "currentColor", stroke: "none" }];
const SHAPES = {
  running: [DISC],
  done: [P("M3 8.5l3.5 3.5L13 4.5", { "stroke-width": 2.2 })],
  failed: [P("M4 4l8 8M12 4l-8 8", { "stroke-width": 2.2 })],
  stopped: [["rect", { x: 3.5, y: 3.5, width: 9, height: 9, fill: "currentColor", stroke: "none" }]],
  interrupted: [P("M5 3v10M11 3v10", { "stroke-width": 2.6 })],
  lost: [["circle", { cx: 8, cy: 8, r: 5, "stroke-dasharray": "2.4 2.6", "stroke-width": 2 }]],
  incomplete: [
    ["circle", { cx: 8, cy: 8, r: 5 }],
    P("M8 3a5 5 0 0 1 0 10z", { fill: "currentColor", stroke: "none" }),
  ],
  stop: [["rect", { x: 4, y: 4, width: 8, height: 8, fill: "currentColor", stroke: "none" }]],
  error: [P("M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4z"), P("M8 4.8v4M8 11.2v.1", { "stroke-width": 1.9 })],
  warning: [P("M8 2.2l6.2 11.2H1.8z"), P("M8 6.4v3.2M8 11.5v.1", { "stroke-width": 1.9 })],
  info: [["circle", { cx: 8, cy: 8, r: 6.2 }], P("M8 7.4v4M8 4.8v.1", { "stroke-width": 1.9 })],
  lr: [P("M2.5 4h6v8h5")],
  menu: [P("M8 3.5v.1M8 8v.1M8 12.5v.1", { "stroke-width": 2.4 })],
  full: [P("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10")],
  search: [["circle", { cx: 7, cy: 7, r: 4.2 }], P("M10.2 10.2L14 14")],
  down: [P("M4 6.5l4 4 4-4")],
};

export function icon(name) {
  return s(
    "svg",
    {
      class: "i", viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": 1.6,
      "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
    },
    (SHAPES[name] || [DISC]).map(([tag, attrs]) => s(tag, attrs)),
  );
}

export function pill(status) {
  const known = status in SHAPES ? status : "lost";
  return h("span", { class: `pill st-${known}`, role: "status" }, icon(known), status);
}

/** A short piece of a line in its colour and dash, for read-outs. */
export function sample(colour, dash) {
  const stroke = { d: "M0 1.5H22", stroke: `var(${colour})`, "stroke-width": 2.4 };
  if (dash) stroke["stroke-dasharray"] = dash.join(" ");
  return s("svg", { class: "sample", width: 22, height: 3, "aria-hidden": "true" }, s("path", stroke));
}
