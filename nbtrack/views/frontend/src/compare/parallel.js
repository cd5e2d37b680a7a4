// Parameters against the metric: parallel axes with brushes, or a scatter of one parameter.
import { h, s, say, show } from "../dom.js";
import { segments } from "../segments.js";
import { categoryFilter, fieldOf, rangeFilter, withFilter } from "./filter.js";
import { look, slots } from "./look.js";

const HEIGHT = 236, TOP = 42, FOOT = 214, LEAST = 4; // pixels; a shorter drag is a click

/** Where a value lies on an axis: 0 low to 1 high. */
export function share(axis, value) {
  if (axis.kind === "category") return axis.values.length > 1 ? value / (axis.values.length - 1) : 0.5;
  const [low, high] = axis.kind === "log" ? [Math.log(axis.low), Math.log(axis.high)] : [axis.low, axis.high];
  const at = axis.kind === "log" ? Math.log(value) : value;
  return high > low ? (at - low) / (high - low) : 0.5;
}

/** What lies at a share of an axis; of categories: their place, not whole. */
export function valueAt(axis, part) {
  if (axis.kind === "category") return part * (axis.values.length - 1);
  if (part <= 0 || part >= 1) return part <= 0 ? axis.low : axis.high; // exactly, or an end would be a filter
  if (axis.kind === "log") return Math.exp(Math.log(axis.low) + part * Math.log(axis.high / axis.low));
  return axis.low + part * (axis.high - axis.low);
}

/** The filter for what lies between two shares of an axis; empty where nothing would be left out. */
export function filterOf(axis, isMetric, head, low, high) {
  const field = fieldOf(axis, isMetric, head);
  if (axis.kind !== "category") return rangeFilter(field, axis, [valueAt(axis, low), valueAt(axis, high)], isMetric ? head.metric.scale : 1);
  const kept = axis.values.filter((_, i) => share(axis, i) >= low - 1e-9 && share(axis, i) <= high + 1e-9);
  return kept.length && kept.length < axis.values.length ? categoryFilter(field, kept) : "";
}

const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

export class Parallel {
  constructor(source, filter) {
    this.source = source;
    this.filter = filter;
    this.kind = "parallel";
    this.parameter = null;
    this.title = h("h3", { class: "clip" });
    this.hint = h("span", { class: "sub push clip" });
    this.choice = h("select", { "aria-label": "Parameter of the scatter", onchange: () => { this.parameter = this.choice.value; this.paint(); } });
    this.field = h("label", { class: "field", hidden: true }, this.choice);
    this.bar = h("div", { class: "row wrap small over-tools" }, segments("Picture of the parameters", ["parallel", "scatter"], "parallel", (kind) => { this.kind = kind; this.paint(); }), this.field);
    this.host = h("div", { class: "pc", "data-lm-suppress-shortcuts": "true" });
    this.el = h("figure", { "data-nbt-panel": "parallel" }, h("div", { class: "panel-h" }, this.title, this.hint), this.bar, this.host);
    this.resizer = new ResizeObserver(() => this.host.clientWidth !== this.width && this.paint());
    this.resizer.observe(this.host);
  }

  draw() {
    this.paint();
  }

  paint() {
    const { parallel, head } = this.source.payload;
    show(this.el, !!parallel && parallel.axes.length > 1);
    if (this.el.hidden) return;
    this.width = Math.max(240, this.host.clientWidth || 240);
    say(this.title, `Parameters against ${head.metric?.label ?? "the metric"}`);
    this.title.title = parallel.how;
    say(this.hint, this.kind === "parallel" ? "drag on an axis to filter" : "");
    const names = parallel.axes.slice(0, -1).map((axis) => axis.name);
    if (!names.includes(this.parameter)) this.parameter = names[0];
    show(this.field, this.kind === "scatter");
    this.choice.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    this.choice.value = this.parameter;
    this.known = slots(this.source.payload);
    const svg = s("svg", { width: this.width, height: HEIGHT, role: "img", "aria-label": `${this.title.textContent}; ${parallel.how}` });
    if (this.kind === "parallel") this.#parallel(svg, parallel);
    else this.#scatter(svg, parallel);
    this.host.replaceChildren(svg, ...(parallel.axes.some((axis) => axis.importance != null) ? [] : [h("p", { class: "sub tiny" }, parallel.how)]));
  }

  #stroke(run) {
    const { lifted } = this.source, { colour, dash, faint } = look(this.known.get(run.letter));
    const own = lifted?.id === run.id, off = lifted && lifted.letter !== run.letter;
    return { stroke: `var(${colour})`, fill: "none", "stroke-width": own ? 3 : 1.5, "stroke-dasharray": dash?.join(" "), opacity: own ? 1 : off || faint ? 0.2 : 0.75 };
  }

  #parallel(svg, { axes, runs }) {
    const left = 44, right = 50, X = (i) => left + (i * (this.width - left - right)) / (axes.length - 1);
    const Y = (i, value) => FOOT - share(axes[i], value) * (FOOT - TOP);
    runs.forEach((run, n) => {
      let path = "", last = null;
      const off = ((n * 7) % 11) / 11 * 5 - 2.5; // equal values stay apart
      run.values.forEach((value, i) => {
        if (value == null) return (last = null);
        const at = [X(i), Y(i, value) + (i < axes.length - 1 ? off : 0)];
        const bend = last && (at[0] - last[0]) * 0.42;
        path += last ? `C${last[0] + bend} ${last[1]} ${at[0] - bend} ${at[1]} ${at[0]} ${at[1]}` : `M${at[0]} ${at[1]}`;
        return (last = at);
      });
      svg.append(s("path", { ...this.#stroke(run), d: path, "data-run": run.id }));
    });
    const room = (this.width - left - right) / (axes.length - 1), letters = Math.max(6, Math.floor(room / 6.4));
    axes.forEach((axis, i) => {
      const end = i === axes.length - 1, anchor = end ? "end" : i ? "middle" : "start", at = end ? this.width : i ? X(i) : 0;
      svg.append(s("path", { d: `M${X(i)} ${TOP - 4}V${FOOT + 4}`, stroke: "var(--nbt-edge)" }),
        s("text", { class: "t", x: at, y: 12, "text-anchor": anchor }, clip(axis.name, letters), s("title", {}, axis.name)));
      if (axis.importance != null) svg.append(s("text", { x: at, y: 27, "text-anchor": anchor }, `${room > 92 ? "importance " : ""}${axis.importance.toFixed(2)}`));
      for (const [value, text] of axis.ticks || []) svg.append(s("text", { x: X(i) + (end ? 8 : -6), y: Y(i, value) + 4, "text-anchor": end ? "start" : "end", class: "halo" }, clip(String(text), end ? 7 : 9)));
      svg.append(this.#brush(svg, axis, i, end, X(i)));
    });
  }

  /** An axis that takes a drag; from the keyboard the query field says the same. */
  #brush(svg, axis, i, isMetric, x) {
    const part = (event) => Math.min(1, Math.max(0, (FOOT - (event.clientY - svg.getBoundingClientRect().top)) / (FOOT - TOP)));
    const area = s("rect", { x: x - 12, y: TOP - 6, width: 24, height: FOOT - TOP + 12, fill: "transparent", class: "brush", "data-axis": axis.name });
    area.addEventListener("pointerdown", (event) => {
      const from = part(event), box = s("rect", { x: x - 6, width: 12, class: "brushed" });
      svg.append(box);
      area.setPointerCapture(event.pointerId);
      event.preventDefault();
      const ends = (now) => [Math.min(from, part(now)), Math.max(from, part(now))];
      area.onpointermove = (now) => {
        const [low, high] = ends(now);
        box.setAttribute("y", FOOT - high * (FOOT - TOP));
        box.setAttribute("height", (high - low) * (FOOT - TOP));
      };
      area.onpointercancel = () => box.remove();
      area.onpointerup = (now) => {
        area.onpointermove = area.onpointerup = null;
        const [low, high] = ends(now), { head } = this.source;
        const filter = (high - low) * (FOOT - TOP) < LEAST ? "" : filterOf(axis, isMetric, head, low, high);
        if (!filter) return box.remove();
        const { ids } = this.source.payload.table;
        return this.filter(withFilter(head.choice.query, filter, { ids, all: head.all }));
      };
    });
    return area;
  }

  #scatter(svg, { axes, runs }) {
    const at = axes.findIndex((axis) => axis.name === this.parameter), x = axes[at], y = axes.at(-1);
    const X = (value) => 56 + share(x, value) * (this.width - 56 - 24), Y = (value) => FOOT - 10 - share(y, value) * (FOOT - 34);
    svg.append(s("path", { d: `M44 12V${FOOT}H${this.width - 8}`, stroke: "var(--nbt-line)", fill: "none" }));
    for (const [value, text] of y.ticks || []) svg.append(s("text", { x: 38, y: Y(value) + 4, "text-anchor": "end" }, text), s("path", { d: `M44 ${Y(value)}H${this.width - 8}`, stroke: "var(--nbt-line2)" }));
    for (const [value, text] of x.ticks || []) svg.append(s("text", { x: X(value), y: FOOT + 16, "text-anchor": "middle" }, clip(String(text), 12)));
    runs.forEach((run, n) => {
      const value = run.values[at], result = run.values.at(-1);
      if (value == null || result == null) return;
      const { colour } = look(this.known.get(run.letter)), { opacity } = this.#stroke(run);
      svg.append(s("circle", { cx: X(value) + (((n * 7) % 11) - 5) * 0.8, cy: Y(result), r: this.source.lifted?.id === run.id ? 6 : 4, fill: `var(${colour})`, opacity }, s("title", {}, `${run.letter ?? ""} ${run.id}`)));
    });
    svg.append(s("text", { x: 0, y: 8, class: "t" }, y.name));
  }

  destroy() {
    this.resizer.disconnect();
  }
}
