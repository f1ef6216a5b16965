// A list as a file: what is seen, in its order, with its columns and the reader's zone and language; or all of it on paper.

import { mdiDownload } from "@mdi/js"
import { h } from "../../lib/dom.js"
import { icon } from "../../lib/icons.js"
import { t } from "../../lib/messages.js"
import { staffRequest } from "../../lib/session.js"
import { menuItem, popover } from "../row-menu.js"

const FORMATS = ["csv", "csv-es", "json", "pdf"]

/** @param {{ path: string, parameters: () => URLSearchParams, print: () => Promise<void>, failed: (problem: unknown) => void }} parts */
export function exportMenu({ path, parameters, print, failed }) {
  const words = [t("table.csv"), t("table.csv_es"), t("table.json"), t("table.pdf")]
  const attempt = (/** @type {() => Promise<void>} */ act) => () => act().catch(failed)
  const panel = h("ul", { class: "menu-panel", "aria-label": t("table.export") })
  panel.append(
    ...FORMATS.map((format, index) =>
      h("li", {}, menuItem({ text: words[index], onclick: attempt(() => save(path, format, parameters())) }, panel)),
    ),
    h("li", {}, menuItem({ text: t("table.print"), onclick: attempt(print) }, panel)),
  )
  return popover(panel, "button button-small", [icon(mdiDownload), t("table.export")])
}

/** @param {string} path @param {string} format @param {URLSearchParams} parameters */
async function save(path, format, parameters) {
  parameters.set("format", format)
  parameters.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone)
  parameters.set("language", document.documentElement.lang)
  /** @type {Response} */
  const answer = await staffRequest("GET", `${path}/export?${parameters}`, { whole: true })
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "") ?? []
  const address = URL.createObjectURL(await answer.blob())
  h("a", { href: address, download: name ?? `export.${format}` }).click()
  // The browser has taken it over by then; a minute is for those that ask first where to put it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
