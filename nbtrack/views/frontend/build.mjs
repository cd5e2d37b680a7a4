// Builds the one committed bundle, ../static/live.js. The same sources give the same bytes:
// no time stamp, no absolute path, versions pinned in package.json.
import { build } from "esbuild";
import { copyFile } from "node:fs/promises";

await build({
  entryPoints: ["src/live.js"],
  outfile: "../static/live.js",
  bundle: true,
  format: "esm",
  target: "es2021",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: "/* nbtrack live view; contains uPlot (MIT, see uplot.LICENSE.txt). Built from frontend/: do not edit. */" },
});
await copyFile("node_modules/uplot/LICENSE", "../static/uplot.LICENSE.txt");
