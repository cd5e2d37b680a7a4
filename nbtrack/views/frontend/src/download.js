// A panel as a file: the points held as CSV, the chart as SVG or PNG. All of it made in the page,
// without the kernel and without the network.
import { s } from "./dom.js";
import { linearLabels, logLabels } from "./scales.js";
import { colour } from "./theme.js";

/** Quoted where CSV needs it; text that a spreadsheet would take for a formula gets an apostrophe. */
export function cell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `series`: [{key, column}]. `stands_for`: logged points that a row speaks for; 0: a later one does. */
export function csv(series) {
  const rows = ["key,step,time_s,value,stands_for"];
  for (const { key, column } of series) {
    for (let i = 0; i < column.length; i++) {
      rows.push([key, column.steps[i], column.times[i], column.values[i], column.counts[i]].map(cell).join(","));
    }
  }
  return `${rows.join("\n")}\n`;
}

/** Points held and points logged of some columns. */
export function held(columns) {
  let points = 0, logged = 0;
  for (const column of columns) {
    points += column.length;
    for (let i = 0; i < column.length; i++) logged += column.counts[i];
  }
  return { points, logged, thinned: logged > points };
}

export const fileName = (parts, ending) => `${parts.filter(Boolean).join("-").replace(/[^\w.-]+/g, "_").slice(0, 80)}.${ending}`;

export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** The chart as an SVG element of its own: title, axes, lines, names. `names`: [{text, colour, dash}]. */
export function picture({ plot: u, spec, data, bad }, host, axis, title, names) {
  const px = devicePixelRatio, tint = (name) => colour(host, name);
  const box = { left: u.bbox.left / px, top: u.bbox.top / px + 24, width: u.bbox.width / px, height: u.bbox.height / px };
  const foot = box.top + box.height, width = u.width, height = u.height + 24;
  const X = (x) => +(box.left + u.valToPos(x, "x")).toFixed(1), Y = (y) => +(box.top + u.valToPos(y, "y")).toFixed(1);
  const text = (words, x, y, more = {}) => s("text", { x, y, fill: tint("--nbt-fg2"), "font-size": 11, ...more }, words);
  const svg = s("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "system-ui, sans-serif" },
    s("rect", { width, height, fill: solid(tint("--nbt-bg"), host) }), text(title, 4, 15, { fill: tint("--nbt-fg"), "font-weight": 600, "font-size": 12 }));
  let left = 16 + title.length * 7;
  for (const name of names) {
    svg.append(s("path", { d: `M${left} 11h18`, stroke: tint(name.colour), "stroke-width": 2.4, "stroke-dasharray": name.dash?.join(" ") }), text(name.text, left + 24, 15));
    left += 40 + name.text.length * 6.5;
  }
  if (spec.band) {
    const clamp = (y) => Math.min(foot, Math.max(box.top, Y(y)));
    svg.append(s("rect", { x: box.left, y: clamp(spec.band.high), width: box.width, height: clamp(spec.band.low) - clamp(spec.band.high), fill: tint("--nbt-ok-fill") }));
  }
  const [xAxis, yAxis] = u.axes.map((a) => a._splits ?? []);
  const yWords = spec.log ? logLabels(yAxis) : linearLabels(yAxis), xWords = axis.labels(xAxis);
  yAxis.forEach((v, i) => svg.append(s("path", { d: `M${box.left} ${Y(v)}h${box.width}`, stroke: tint("--nbt-line") }), text(yWords[i], box.left - 6, Y(v) + 4, { "text-anchor": "end" })));
  xAxis.forEach((v, i) => svg.append(text(xWords[i], X(v), foot + 15, { "text-anchor": "middle" })));
  svg.append(s("path", { d: `M${box.left} ${foot}h${box.width}`, stroke: tint("--nbt-edge") }));
  const id = `c${Math.random().toString(36).slice(2)}`;
  svg.append(s("clipPath", { id }, s("rect", { x: box.left, y: box.top, width: box.width, height: box.height })));
  const inner = s("g", { "clip-path": `url(#${id})`, fill: "none", "stroke-linejoin": "round" });
  spec.lines.forEach((line, k) => inner.append(s("path", { d: path(data[0], data[k + 1], X, Y), stroke: tint(line.colour), "stroke-width": line.width, "stroke-opacity": line.alpha, "stroke-dasharray": line.dash?.join(" ") })));
  for (const x of bad) inner.append(s("path", { d: `M${X(x)} ${foot}v-7`, stroke: tint("--nbt-error") }));
  svg.append(inner);
  return svg;
}

/** "M0 1L2 3": null ends a piece, undefined is drawn over. */
export function path(xs, ys, X, Y) {
  let out = "", open = false;
  for (let i = 0; i < xs.length; i++) {
    if (ys[i] === undefined) continue;
    if (ys[i] === null) open = false;
    else {
      out += `${open ? "L" : "M"}${X(xs[i])} ${Y(ys[i])}`;
      open = true;
    }
  }
  return out;
}

function solid(background, host) {
  return background && background !== "transparent" ? background : host.closest("[data-nbt-theme]")?.dataset.nbtTheme === "dark" ? "#111111" : "#ffffff";
}

export const svgText = (svg) => new XMLSerializer().serializeToString(svg);

/** The same picture as PNG, at twice its size. */
export async function png(svg, scale = 2) {
  const image = new Image(), width = +svg.getAttribute("width"), height = +svg.getAttribute("height");
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(svg))}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}
