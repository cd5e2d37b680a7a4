// What a chart shows beside its lines: marks of events, epochs' ends, evaluations, ticks of points
// that cannot be drawn, a healthy band. All of it on uPlot's canvas, in the page's colours.
import { lookOf, placeLabels } from "./marks.js";

const inside = (u, x) => x >= u.scales.x.min && x <= u.scales.x.max;

/** `colour(name)` resolves a token. Sets `u.nbtMarks`: what can be clicked, with its place. */
export function paintMarks(u, { marks, epochs, evals }, colour, labelled, family) {
  const { ctx, bbox } = u, px = devicePixelRatio, foot = bbox.top + bbox.height;
  const at = (x) => Math.round(u.valToPos(x, "x", true)) + 0.5;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - px, 0, bbox.width + 2 * px, foot + 1);
  ctx.clip();
  ctx.lineWidth = px;
  ctx.setLineDash([]);
  ctx.strokeStyle = colour("--nbt-line");
  for (const x of epochs) if (inside(u, x)) line(ctx, at(x), bbox.top, foot);
  ctx.strokeStyle = colour("--nbt-fg2");
  ctx.globalAlpha = 0.6;
  for (const x of evals) if (inside(u, x)) line(ctx, at(x), foot - 4 * px, foot);
  const shown = marks.filter((mark) => mark.x != null && inside(u, mark.x));
  ctx.font = `600 ${11 * px}px ${family}`;
  const lefts = shown.map((mark) => at(mark.x) - bbox.left);
  const sides = labelled ? placeLabels(shown, lefts.map((v) => v / px), shown.map((m) => ctx.measureText(m.label).width / px), bbox.width / px) : [];
  shown.forEach((mark, i) => {
    const look = lookOf(mark), x = at(mark.x);
    ctx.strokeStyle = ctx.fillStyle = colour(look.colour);
    ctx.globalAlpha = labelled ? 1 : 0.55;
    ctx.setLineDash([3 * px, 3 * px]);
    line(ctx, x, bbox.top + (labelled ? 7 * px : 0), foot);
    ctx.setLineDash([]);
    if (!labelled) return;
    shape(ctx, look.icon, x, bbox.top + 7 * px, 5 * px);
    if (!sides[i]) return;
    ctx.textAlign = sides[i] === "right" ? "left" : "right";
    ctx.textBaseline = "middle";
    ctx.fillText(mark.label, x + (sides[i] === "right" ? 9 : -9) * px, bbox.top + 7 * px);
  });
  ctx.restore();
  u.nbtMarks = shown.map((mark, i) => ({ mark, left: lefts[i] / px }));
}

function line(ctx, x, top, foot) {
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, foot);
  ctx.stroke();
}

function shape(ctx, name, x, y, r) {
  ctx.beginPath();
  if (name === "failed") {
    ctx.lineWidth *= 2;
    for (const [a, b] of [[-1, 1], [1, -1]]) {
      ctx.moveTo(x - r * 0.8, y + a * r * 0.8);
      ctx.lineTo(x + r * 0.8, y + b * r * 0.8);
    }
    ctx.stroke();
    ctx.lineWidth /= 2;
    return;
  }
  const corners = {
    warning: [[0, -1], [1, 0.75], [-1, 0.75]],
    stopped: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
    error: [[-0.4, -1], [0.4, -1], [1, -0.4], [1, 0.4], [0.4, 1], [-0.4, 1], [-1, 0.4], [-1, -0.4]],
  }[name];
  if (corners) corners.forEach(([a, b], i) => (i ? ctx.lineTo(x + a * r, y + b * r) : ctx.moveTo(x + a * r, y + b * r)));
  else ctx.arc(x, y, r * 0.7, 0, 7);
  ctx.fill();
}

/** Points that cannot be drawn: red ticks where not finite, open ticks where not positive on log. */
export function paintOdd(u, bad, floor, colour) {
  const { ctx, bbox } = u, px = devicePixelRatio, foot = bbox.top + bbox.height;
  const each = (xs, paint) => {
    let last = -Infinity;
    for (const x of xs) {
      const left = inside(u, x) ? Math.round(u.valToPos(x, "x", true)) : -1;
      if (left < 0 || left - last < 2 * px) continue;
      last = left;
      paint(left);
    }
  };
  ctx.save();
  ctx.lineWidth = 1.5 * px;
  ctx.strokeStyle = colour("--nbt-error");
  each(bad, (x) => line(ctx, x, foot - 7 * px, foot));
  ctx.strokeStyle = colour("--nbt-fg2");
  ctx.lineWidth = px;
  each(floor, (x) => ctx.strokeRect(x - 1.5 * px, foot - 5 * px, 3 * px, 5 * px));
  ctx.restore();
}

/** A region that is known to be healthy, under the lines. */
export function paintBand(u, band, colour) {
  const { ctx, bbox } = u;
  const clamp = (y) => Math.min(bbox.top + bbox.height, Math.max(bbox.top, y));
  const top = clamp(u.valToPos(band.high, "y", true)), low = clamp(u.valToPos(band.low, "y", true));
  if (low - top < 1) return;
  ctx.save();
  ctx.fillStyle = colour("--nbt-ok-fill");
  ctx.fillRect(bbox.left, top, bbox.width, low - top);
  ctx.restore();
}

export function paintBandLabel(u, band, colour, family) {
  const { ctx, bbox } = u, px = devicePixelRatio, foot = bbox.top + bbox.height;
  const y = u.valToPos(band.high, "y", true);
  if (y <= bbox.top - 2 || y >= foot - 14 * px) return;
  ctx.save();
  ctx.font = `400 ${11 * px}px ${family}`;
  ctx.fillStyle = colour("--nbt-ok");
  ctx.textAlign = "right";
  ctx.fillText(band.label, bbox.left + bbox.width - 4 * px, Math.max(y, bbox.top) + 11 * px);
  ctx.restore();
}
