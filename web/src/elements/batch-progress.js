// How far a batch is, and for each row where nothing was done, why.

import { mdiClose, mdiDownload } from "@mdi/js"
import { fill, h, setText } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { say } from "../lib/say.js"
import { staffRequest } from "../lib/session.js"
import { failedCard } from "./feedback.js"

/**
 * @typedef {{ state: string, total: number, done: number, running: number, ok: number, failed: number,
 *   skipped: number }} Batch
 */
/** @typedef {{ id: string, label: string, state: string, why: import("../lib/say.js").Said | null }} Row */

const EVERY = 1000
const ROWS = 25

export class BatchProgress {
  #text = h("p", { class: "font-semibold", role: "status" })
  #filled = h("span", {})
  #bar = h("div", { class: "progress", "aria-hidden": "true" }, this.#filled)
  #rows = h("div", { class: "empty:hidden" })
  #problem = h("div", { class: "empty:hidden" })
  #close = h(
    "button",
    { type: "button", class: "button button-quiet button-square button-small", "aria-label": t("bulk.close") },
    icon(mdiClose),
  )
  element = h(
    "section",
    {
      class: "card grid grid-cols-[minmax(0,1fr)] gap-3 p-4",
      tabindex: "-1",
      "aria-label": t("bulk.result"),
      "data-batch": "running",
    },
    h("div", { class: "flex items-start justify-between gap-3" }, this.#text, this.#close),
    this.#bar,
    this.#problem,
    this.#rows,
  )

  /** @param {import("./data-table/bulk.js").Bulk} bulk @param {string} id @param {() => void} finished */
  constructor(bulk, id, finished) {
    this.bulk = bulk
    this.path = `${bulk.path.replace(/s$/, "")}-batches/${encodeURIComponent(id)}`
    this.finished = finished
    this.#close.addEventListener("click", () => this.element.remove())
    this.#look()
  }

  async #look() {
    try {
      /** @type {Batch} */
      const batch = await staffRequest("GET", this.path)
      fill(this.#problem)
      this.#draw(batch)
      if (!this.element.isConnected) return // closed; the batch goes on without us
      if (batch.state !== "done") setTimeout(() => this.#look(), EVERY)
      else await this.#end(batch)
    } catch (problem) {
      fill(
        this.#problem,
        failedCard(problem, () => this.#look()),
      )
    }
  }

  /** @param {Batch} batch */
  #draw({ state, total, done, running, ok, failed, skipped }) {
    this.#filled.style.inlineSize = `${total > 0 ? (done / total) * 100 : 100}%`
    const counts = {
      done: formatNumber(ok),
      skipped: formatNumber(skipped),
      failed: formatNumber(failed),
      total: formatNumber(total),
    }
    setText(
      this.#text,
      state === "done"
        ? t("bulk.finished", counts)
        : t("bulk.working", {
            through: formatNumber(done),
            total: counts.total,
            running: formatNumber(running),
            failed: counts.failed,
          }),
    )
  }

  /** @param {"failed" | "skipped"} state @returns {Promise<import("../lib/tenants.js").Page<Row>>} */
  #rowsThat(state) {
    return staffRequest("GET", `${this.path}/rows?limit=${ROWS}&state=${state}`)
  }

  /** @param {Batch} batch */
  async #end({ failed, skipped }) {
    this.element.dataset.batch = "over"
    this.finished()
    if (failed + skipped === 0) return
    const pages = await Promise.all([this.#rowsThat("failed"), this.#rowsThat("skipped")])
    fill(
      this.#rows,
      table(
        this.bulk,
        pages.flatMap(({ data }) => data),
      ),
      h(
        "p",
        { class: "mt-3 flex flex-wrap items-center gap-3" },
        h(
          "a",
          { class: "button button-small", href: `${this.path}/rows/export?format=csv` },
          icon(mdiDownload),
          t("bulk.csv"),
        ),
        pages.some(({ has_more: more }) => more) && h("span", { class: "hint" }, t("bulk.more")),
      ),
    )
  }
}

/** @param {import("./data-table/bulk.js").Bulk} bulk @param {Row[]} rows */
function table({ heading, href }, rows) {
  const titles = [heading, t("bulk.outcome"), t("bulk.why")]
  return h(
    "div",
    { class: "card scroller max-h-80", tabindex: "0", role: "region", "aria-label": t("bulk.rows") },
    h(
      "table",
      { class: "table", "data-density": "compact" },
      h("caption", { class: "sr-only" }, t("bulk.rows")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ...titles.map((title, index) => h("th", { scope: "col", class: index === 0 && "sticky-column" }, title)),
        ),
      ),
      h(
        "tbody",
        {},
        ...rows.map(row =>
          h(
            "tr",
            {},
            h(
              "th",
              { scope: "row", class: "sticky-column" },
              href
                ? h("a", { class: "table-name inline-block py-0.5", href: href(row.id) }, row.label)
                : [row.label, " ", h("code", {}, row.id)],
            ),
            h("td", {}, h("status-badge", { kind: "outcome", value: row.state })),
            h("td", { class: "min-w-48 whitespace-normal" }, row.why ? say(row.why) : "–"),
          ),
        ),
      ),
    ),
  )
}
