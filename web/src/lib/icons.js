// Material icons as inline SVG; only the paths that a page imports are delivered.

import { svg } from "./dom.js"

/** An icon beside a word says nothing by itself, so it is hidden from screen readers. @param {string} path @param {string} [classes] */
export function icon(path, classes = "") {
  return svg(
    "svg",
    { class: `icon ${classes}`.trim(), viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: path }),
  )
}
