// A list as a file: what is seen, in its order, with its columns and the reader's zone and language; or all of it on paper.
// What is too long to wait for is ordered.

import { mdiDownload } from "@mdi/js"
import { ApiProblem } from "../../lib/api.js"
import { h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { saveFile } from "../../lib/save-file.js"
import { staffRequest } from "../../lib/session.js"
import { menuItem, popover } from "../row-menu.js"

const FORMATS = ["csv", "csv-es", "json", "pdf"]

/** @typedef {import("./export-order.js").ExportOrders} ExportOrders */

/** @param {{ path: string, parameters: () => URLSearchParams, print: () => Promise<void>, orders: ExportOrders }} parts */
export function exportMenu({ path, parameters, print, orders }) {
  const words = [t("table.csv"), t("table.csv_es"), t("table.json"), t("table.pdf")]
  const attempt = (/** @type {string} */ waiting, /** @type {() => Promise<void>} */ act) => () =>
    orders.attempt(waiting, act)
  const panel = h("ul", { class: "menu-panel", "aria-label": t("table.export") })
  panel.append(
    ...FORMATS.map((format, index) =>
      h(
        "li",
        {},
        menuItem(
          {
            text: words[index],
            onclick: attempt(t("table.preparing"), () => fetchOrOrder(path, format, parameters(), orders)),
          },
          panel,
        ),
      ),
    ),
    h("li", {}, menuItem({ text: t("table.print"), onclick: attempt(t("table.preparing_print"), print) }, panel)),
  )
  return popover(panel, "button button-small", [icon(mdiDownload), t("table.export")])
}

/** @param {string} path @param {string} format @param {URLSearchParams} parameters @param {ExportOrders} orders */
async function fetchOrOrder(path, format, parameters, orders) {
  parameters.set("format", format)
  parameters.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone)
  parameters.set("language", document.documentElement.lang)
  try {
    /** @type {Response} */
    const answer = await staffRequest("GET", `${path}/export?${parameters}`, { whole: true })
    await saveFile(answer, `export.${format}`)
  } catch (problem) {
    if (!(problem instanceof ApiProblem) || problem.code !== "export_too_large") throw problem
    await orders.order(parameters)
  }
}
