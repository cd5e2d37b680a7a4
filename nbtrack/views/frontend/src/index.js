// The one bundle: every widget of nbtrack. The model says with `kind` which of them it is.
import compare from "./compare/compare.js";
import live from "./live.js";
import runs from "./runs/runs.js";

const KINDS = { compare, live, runs };

/** anywidget calls this once per model. */
export default () => {
  let widget = null;
  return {
    initialize(context) {
      widget = KINDS[context.model.get("kind") ?? "live"]();
      return widget.initialize?.(context);
    },
    render: (context) => widget.render(context),
  };
};
