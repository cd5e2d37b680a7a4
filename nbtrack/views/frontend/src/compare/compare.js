// The widget of a comparison of runs.
import { h } from "../dom.js";
import gridCss from "../runs/grid.css";
import runsCss from "../runs/runs.css";
import { inSlotOrView } from "../slot.js";
import { styles } from "../styles.js";
import compareCss from "./compare.css";
import { View } from "./view.js";

export default inSlotOrView((model, el) => {
  el.append(h("style", {}, styles, gridCss, runsCss, compareCss));
  const view = new View(model, el);
  return () => view.destroy();
});
