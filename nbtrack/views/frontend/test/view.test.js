// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { h } from "../src/dom.js";
import { Header } from "../src/header.js";
import { Source } from "../src/source.js";
import { LossPanel } from "../src/loss.js";
import { colour, ground } from "../src/theme.js";
import { Axis } from "../src/axis.js";
import { Columns } from "../src/columns.js";
import { Settings } from "../src/settings.js";

vi.mock("../src/styles.js", () => ({ styles: "" }));

const EVIL = "<img src=x onerror=alert(1)>";

/** What anywidget hands to a view, as far as it is used. */
function model(traits = {}) {
  const listeners = {};
  return {
    sent: [], traits,
    get: (name) => traits[name],
    on: (name, f) => (listeners[name] ||= []).push(f),
    off: (name, f) => (listeners[name] = listeners[name].filter((g) => g !== f)),
    send(message) { this.sent.push(message); },
    say: (name, ...args) => (listeners[name] || []).forEach((f) => f(...args)),
    listeners,
  };
}

const head = (more) => ({ id: "7k3qf2", name: "digits", status: "running", tags: [], changed: [], can_stop: true, ...more });
const now = (more) => ({ step: null, elapsed: 4, rate: null, ...more });

beforeEach(() => vi.useFakeTimers());

describe("the header", () => {
  const facts = (status, more = {}, progress = {}) => {
    const header = new Header(model());
    header.update(head({ status, ...more }), now({ step: 1240, elapsed: 192, rate: 6.45, ...progress }));
    return header.facts.textContent;
  };

  it("waits in words, without an empty axis", () => {
    expect(facts("running", {}, { step: null, elapsed: 4 })).toContain("Waiting for the first optimizer step: 0:04 elapsed");
  });

  it("says that the length is not known", () => {
    expect(facts("running")).toBe("step 1,240length not known3:12 elapsed6.45 steps/s");
    expect(facts("running", { total: 2000 })).toContain("step 1,240 of 2,000");
  });

  it("has a sentence for each end", () => {
    expect(facts("done")).toContain("step 1,240");
    expect(facts("stopped")).toContain("stopped between two steps");
    expect(facts("interrupted")).toContain("interrupted");
    expect(facts("failed")).toContain("points up to the failure are kept");
    expect(facts("lost")).toContain("The process ended without a word");
    expect(facts("incomplete", { lost_points: 91 })).toContain("91 points are missing");
    expect(facts("done", { erased: true })).toContain("this run was erased");
  });

  it("shows the stop button only where it can work", () => {
    const header = new Header(model());
    header.update(head({ can_stop: false }), now());
    expect(header.stop.hidden).toBe(true);
    header.update(head({ status: "done" }), now());
    expect(header.stop.hidden).toBe(true);
    header.update(head(), now());
    expect(header.stop.hidden).toBe(false);
  });

  it("points to the interrupt button if nobody answers in a second, and takes it back if one does", () => {
    const widget = model(), header = new Header(widget);
    header.again = () => header.update(head(), now({ step: 5 }));
    header.again();
    header.stop.click();
    expect(widget.sent).toEqual([{ t: "stop", n: 1 }]);
    expect(header.stop.textContent).toBe("Stopping after this step");
    vi.advanceTimersByTime(900);
    expect(header.facts.textContent).not.toContain("interrupt button");
    vi.advanceTimersByTime(200);
    expect(header.facts.textContent).toContain("press the notebook's interrupt button once");
    expect(header.stop.textContent).toBe("Stop");
    header.control.answered({ of: "stop", ok: true });
    expect(header.facts.textContent).not.toContain("interrupt button");
    expect(header.stop.getAttribute("aria-disabled")).toBe("true");
  });

  it("shows markup in names, tags, changes and errors as text", () => {
    const header = new Header(model());
    header.update(head({ status: "failed", name: EVIL, tags: [EVIL], changed: [EVIL], error: EVIL }), now({ step: 1 }));
    expect(header.el.querySelector("img")).toBe(null);
    expect(header.el.textContent.split(EVIL).length).toBe(5);
  });
});

describe("the source", () => {
  it("asks once for what a late view has missed, and only answers meant for it are taken", () => {
    const widget = model({ head: head(), panels: [{ id: "loss", series: [{ id: 0 }] }] });
    const source = new Source(widget);
    expect(widget.sent).toEqual([{ t: "sync", me: source.me }]);
    source.ask();
    expect(widget.sent.length).toBe(1);
    widget.say("msg:custom", { t: "facts", to: "somebody else", step: 9, elapsed: 9 }, []);
    expect(source.progress().step).toBe(null);
    widget.say("msg:custom", { t: "facts", to: source.me, step: 9, elapsed: 9 }, []);
    expect(source.progress().step).toBe(9);
  });

  it("of a fresh run asks for nothing", () => {
    const widget = model({ head: head(), panels: [] });
    new Source(widget);
    expect(widget.sent).toEqual([]);
  });

  it("keeps a panel the same object as long as it does not change", () => {
    const loss = { id: "loss", series: [{ id: 0 }] };
    const source = new Source(model({ panels: [loss] }));
    const before = source.panels[0];
    source.end();
    const widget = model({ panels: [loss] }), other = new Source(widget), same = other.panels[0];
    widget.traits.panels = [{ ...loss }, { id: "lr", series: [{ id: 1 }] }];
    widget.say("change:panels");
    expect(other.panels[0]).toBe(same);
    expect(other.panels.length).toBe(2);
    expect(before).toBe(loss);
  });

  it("lets go of all listeners at its end", () => {
    const widget = model({}), source = new Source(widget);
    source.end();
    expect(Object.values(widget.listeners).flat()).toEqual([]);
  });
});

describe("the loss panel", () => {
  function panel(series) {
    const columns = new Columns();
    columns.get(0).push({ length: 3, steps: [0, 1, 2], times: [0, 1, 2], values: [3, 2, 1] }, 0);
    columns.get(1).push({ length: 1, steps: [1], times: [1], values: [2.5] }, 0);
    globalThis.ResizeObserver ??= class { observe() {} disconnect() {} };
    const settings = new Settings(), axis = new Axis(settings);
    const shared = {
      key: "k", state: { zoom: null, live: true }, settings, axis, column: (id) => columns.get(id), range: () => [0, 2],
      smoothing: () => ({ kind: "exp", asked: 0.9 }), cursor: () => null, theme: () => "light", who: () => ({ id: "a" }), redraw() {}, onCursor() {}, onZoom() {},
    };
    const made = new LossPanel({ id: "loss", title: "Loss", noisy: true, series }, shared);
    made.draw();
    return made;
  }
  const TWO = [{ id: 0, key: "loss", label: "train" }, { id: 1, key: "val/loss", label: "val", dashed: true, held: true }];
  const cells = (made) => [...made.readout.querySelectorAll("tbody tr:not([hidden])")].map((row) => row.textContent);

  it("is its own legend: names, newest, best, and the gap between val and train", () => {
    const made = panel(TWO);
    expect(made.where.textContent).toBe("step 2");
    expect(cells(made)).toEqual(["train1.001.00", "val2.502.50", "val − train1.50"]);
  });

  it("reads at the cursor: what is drawn, and what was logged", () => {
    const made = panel(TWO);
    made.read(0.2);
    expect(made.nowHead.textContent).toBe("here");
    expect(made.bestHead.textContent).toBe("raw");
    expect(cells(made)[0]).toBe("train3.003.00");
  });

  it("hides a series when its name is pressed, and shows it again", () => {
    const made = panel(TWO), key = made.rows[1].key;
    key.click();
    expect(key.getAttribute("aria-pressed")).toBe("false");
    key.click();
    expect(key.getAttribute("aria-pressed")).toBe("true");
  });

  it("shows a key that is markup as text", () => {
    const made = panel([{ id: 0, key: EVIL, label: EVIL }]);
    expect(made.el.querySelector("img")).toBe(null);
    expect(made.readout.textContent).toContain(EVIL);
  });

  it("counts what it cannot draw", () => {
    const made = panel(TWO);
    expect(made.lost.hidden).toBe(true);
    made.spec.series[0].id = 7;
    const shared = { length: 2, steps: [0, 1], times: [0, 1], values: [NaN, -1] };
    made.shared.column(7).push(shared, 0);
    made.draw();
    expect(made.lost.textContent).toBe("1 not finite");
    made.scale = "log";
    expect(made.lost.textContent).toBe("1 not finite, 1 ≤ 0");
  });
});

describe("the theme", () => {
  it("is that of what is painted behind", () => {
    const el = h("div"), dark = h("div", { style: "background-color: rgb(17, 17, 17)" }, h("p", {}, el));
    document.body.append(dark);
    expect(ground(el)).toBe("dark");
    dark.style.backgroundColor = "rgb(255, 255, 255)";
    expect(ground(el)).toBe("light");
  });

  it("leaves plain colours alone", () => expect(colour(h("div"), "#123456")).toBe("#123456"));
});
