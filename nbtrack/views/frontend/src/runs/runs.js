// The widget of the table of runs.
import { h } from "../dom.js";
import liveCss from "../live.css";
import { inSlotOrView } from "../slot.js";
import tokensCss from "../tokens.css";
import gridCss from "./grid.css";
import runsCss from "./runs.css";
import { Table } from "./table.js";

export default inSlotOrView((model, el) => {
  el.append(h("style", {}, tokensCss, liveCss, gridCss, runsCss));
  const table = new Table(model, el);
  return () => table.destroy();
});
