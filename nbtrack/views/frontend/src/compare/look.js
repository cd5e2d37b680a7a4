// The look of groups: colour and dash say the same twice; from the ninth on all are faint and grey.
import { s } from "../dom.js";

const DASHES = [null, [6, 3], [2, 3], [7, 3, 2, 3]];
export const GREY = "--nbt-s6";

/** Colour (a CSS variable), dash and faintness of a slot; null stands for "one of many". */
export function look(slot) {
  if (slot == null) return { colour: GREY, dash: null, faint: true };
  return { colour: `--nbt-s${(slot % 8) + 1}`, dash: DASHES[slot % 4], faint: false };
}

/** A short piece of a line. */
export function sample(slot, width = 22) {
  const { colour, dash, faint } = look(slot);
  const stroke = { d: `M0 5H${width}`, stroke: `var(${colour})`, "stroke-width": faint ? 1.2 : 2.4 };
  if (dash) stroke["stroke-dasharray"] = dash.join(" ");
  return s("svg", { class: "sample", width, height: 10, "aria-hidden": "true" }, s("path", stroke));
}

/** A small curve without axes; what is not a number is a gap. */
export function spark(values, slot, width = 80, height = 18) {
  const known = values.filter((v) => v != null);
  const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  if (!known.length) return svg;
  const low = Math.min(...known), high = Math.max(...known), span = high - low || 1;
  let path = "", pen = false;
  values.forEach((value, i) => {
    if (value == null) pen = false;
    else {
      const x = values.length > 1 ? (i / (values.length - 1)) * (width - 2) + 1 : 1;
      path += `${pen ? "L" : "M"}${x.toFixed(1)} ${(height - 2 - ((value - low) / span) * (height - 4)).toFixed(1)}`;
      pen = true;
    }
  });
  svg.append(s("path", { d: path, fill: "none", stroke: `var(${look(slot).colour})`, "stroke-width": 1.4, "stroke-linejoin": "round" }));
  return svg;
}

/** slot of each letter. */
export const slots = (payload) => new Map((payload.groups || []).map((group) => [group.letter, group.slot]));

/** A number of the metric, in its unit's usual decimals. */
export function metricText(value) {
  if (value == null) return "";
  const size = Math.abs(value);
  if (size >= 10 && size < 1e5) return value.toFixed(1);
  if (size >= 1 && size < 10) return value.toFixed(2);
  return size === 0 ? "0" : size >= 1e-3 && size < 1e5 ? String(+value.toPrecision(3)) : value.toExponential(1).replace("e+", "e");
}
