// All styles of the live view as one text; the build takes CSS files in as strings.
import uplotCss from "uplot/dist/uPlot.min.css";
import liveCss from "./live.css";
import panelsCss from "./panels.css";
import tokensCss from "./tokens.css";

export const styles = [uplotCss, tokensCss, liveCss, panelsCss].join("\n");
