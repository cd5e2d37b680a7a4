// Builds the one committed bundle, ../static/nbtrack.js. The same sources give the same bytes:
// no time stamp, no absolute path, versions pinned in package.json.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

await build({
  entryPoints: ["src/index.js"],
  outfile: "../static/nbtrack.js",
  bundle: true,
  format: "esm",
  target: "es2021",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: "/* nbtrack's widgets; contain uPlot (MIT, see uplot.LICENSE.txt). Built from frontend/: do not edit. */" },
});
await copyFile("node_modules/uplot/LICENSE", "../static/uplot.LICENSE.txt");
