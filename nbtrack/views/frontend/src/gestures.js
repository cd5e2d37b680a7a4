// Zoom and pan beyond the drag that uPlot knows: shift-drag or a sideways wheel pans, ctrl-wheel (a
// pinch) zooms. A plain wheel scrolls the notebook: a chart must not catch the page on its way.

/** A range moved by `by`, kept inside [first, last]. */
export function moved([low, high], by, [first, last]) {
  const shift = Math.min(Math.max(by, Math.min(0, first - low)), Math.max(0, last - high));
  return [low + shift, high + shift];
}

/** A range `factor` times as wide about a place; null where that is all there is. */
export function scaled([low, high], factor, about, [first, last]) {
  const wide = [about - (about - low) * factor, about + (high - about) * factor];
  if (wide[0] <= first && wide[1] >= last) return null;
  return [Math.max(wide[0], first), Math.min(wide[1], last)];
}

const now = (u) => [u.scales.x.min, u.scales.x.max];
const all = (u, shared) => shared.extent?.() ?? now(u);

export function panBy(u, shared, share) {
  if (!shared.zoomed?.()) return;
  const [low, high] = now(u);
  shared.onZoom(moved([low, high], share * (high - low), all(u, shared)));
}

export function zoomBy(u, shared, factor, about = null) {
  const [low, high] = now(u);
  const range = scaled([low, high], factor, about ?? (low + high) / 2, all(u, shared));
  if (!range || range[1] - range[0] > Math.abs(high) * 1e-9) shared.onZoom(range);
}

/** Listens on a plot; the listeners go with its elements. */
export function watchGestures(u, shared) {
  const { over } = u;
  let from = null;
  over.addEventListener("pointerdown", (event) => {
    from = null;
    if (!event.shiftKey || !shared.zoomed?.()) return;
    from = { x: event.clientX, range: now(u) };
    over.setPointerCapture?.(event.pointerId);
    event.preventDefault();
  });
  over.addEventListener("pointermove", (event) => {
    if (!from) return;
    const by = ((from.x - event.clientX) / over.clientWidth) * (from.range[1] - from.range[0]);
    shared.onZoom(moved(from.range, by, all(u, shared)));
  });
  over.addEventListener("pointerup", () => (from = null));
  over.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      zoomBy(u, shared, event.deltaY > 0 ? 1.25 : 0.8, u.posToVal(event.clientX - over.getBoundingClientRect().left, "x"));
    } else if (shared.zoomed?.() && Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      panBy(u, shared, sideways / over.clientWidth);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }, { passive: false });
  over.addEventListener("click", (event) => {
    const left = event.clientX - over.getBoundingClientRect().left;
    const near = (u.nbtMarks ?? []).find((mark) => Math.abs(mark.left - left) <= 7);
    if (near) shared.onMark?.(near.mark);
  });
}
