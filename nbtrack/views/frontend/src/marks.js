// What happened when: marks on the time axis of all panels, and the same as a list of events.
import { count } from "./numbers.js";

// shape and colour of each kind; `rank`: who keeps the label when two stand too close
export const LOOKS = {
  exception: { colour: "--nbt-error", icon: "failed", rank: 0, word: "error" },
  nonfinite: { colour: "--nbt-error", icon: "error", rank: 1, word: "not finite" },
  finding: { colour: "--nbt-warn", icon: "warning", rank: 2, word: "finding" },
  stop: { colour: "--nbt-warn", icon: "stopped", rank: 3, word: "stop" },
  lr: { colour: "--nbt-accent", icon: "lr", rank: 4, word: "learning rate" },
  note: { colour: "--nbt-none", icon: "info", rank: 5, word: "note" },
};
const MOST_EPOCHS = 14; // lines on one axis; more of them would be a hatching

export const lookOf = (mark) => {
  const look = LOOKS[mark.kind] ?? LOOKS.note;
  return mark.severity === "error" && mark.kind === "finding" ? { ...look, colour: "--nbt-error", icon: "error" } : look;
};

const short = (text, most = 34) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** All marks, by step: events as they come, and findings that no event speaks of. */
export function marksOf({ events = [], findings = [] }) {
  const marks = events
    .filter((event) => event.text || event.kind)
    .map((event) => ({ ...event, text: event.text || LOOKS[event.kind]?.word || event.kind }));
  const told = new Set(marks.filter((mark) => mark.kind === "finding").map((mark) => mark.code ?? mark.text));
  findings.forEach((finding) => {
    if (told.has(finding.code) || told.has(finding.title)) return;
    marks.push({ step: finding.first_step ?? null, kind: "finding", text: finding.title, severity: finding.severity, code: finding.code });
  });
  for (const mark of marks) {
    mark.label = short(mark.text);
    if (mark.kind === "finding") mark.finding = findings.findIndex((f) => f.code === mark.code || f.title === mark.text);
  }
  return marks.sort((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity));
}

/** Every k-th of the epochs' beginnings, so that at most `most` are drawn; the zeroth is no end. */
export function epochLines(epochs, most = MOST_EPOCHS) {
  const ends = epochs.filter(([, , epoch]) => epoch > 0);
  const every = Math.max(1, Math.ceil(ends.length / most));
  return ends.filter((_, i) => (i + 1) % every === 0);
}

/** The newest end of an epoch, for the list. */
export function lastEpoch(epochs) {
  const [step, time_s, epoch] = epochs[epochs.length - 1] ?? [];
  return epoch > 0 ? { step, time_s, kind: "epoch", text: `epoch ${count(epoch)} ends` } : null;
}

/**
 * Which marks are written out and on which side: `lefts` are their places in px, `widths` those of
 * the words. The important ones first; one that would lie over another stays a line.
 */
export function placeLabels(marks, lefts, widths, width) {
  const taken = [];
  const out = marks.map(() => null);
  const byRank = marks.map((_, i) => i).sort((a, b) => lookOf(marks[a]).rank - lookOf(marks[b]).rank || a - b);
  for (const i of byRank) {
    for (const side of ["right", "left"]) {
      const low = side === "right" ? lefts[i] - 6 : lefts[i] - widths[i] - 12;
      const high = side === "right" ? lefts[i] + widths[i] + 12 : lefts[i] + 6;
      const crosses = lefts.some((left, k) => k !== i && left > low + 2 && left < high - 2 && Math.abs(left - lefts[i]) > 1);
      if (crosses || low < 0 || high > width || taken.some(([a, b]) => low < b && high > a)) continue;
      taken.push([low, high]);
      out[i] = side;
      break;
    }
  }
  return out;
}
