// The addresses that are kept out, and keeping one out by hand.

import { byId, fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { emptyCard, failedCard } from "./feedback.js"
import { field, formDialog } from "./form-dialog.js"
import { BASE, hoursField, reasonField, values } from "./security-fields.js"
import { dangerousRequest } from "./step-up.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("./security-fields.js").Page} Page */
/**
 * @typedef {{ id: string, address: string, reason: string, blocked_by: string | null, created_at: string,
 *             expires_at: string }} Block
 */

/** @param {Page} page */
export async function blockByHand(page) {
  const done = await formDialog({
    title: t("security.block"),
    lead: t("security.block_lead"),
    fields: [
      field(
        t("security.address"),
        h("input", { class: "input font-mono", name: "address", autocomplete: "off", maxlength: 64, required: true }),
        h("p", { class: "hint" }, t("security.address_hint")),
      ),
      hoursField(),
      reasonField(),
    ],
    action: t("security.block"),
    submit: form => {
      const { address, hours, reason } = values(form)
      return dangerousRequest("POST", `${BASE}/blocked-addresses`, { body: { address, hours: Number(hours), reason } })
    },
  })
  if (done) await page.acted()
}

/** @param {Page} page */
export async function showBlocks(page) {
  const place = byId("blocks", HTMLDivElement)
  try {
    /** @type {{ data: Block[] }} */
    const { data } = await staffRequest("GET", `${BASE}/blocked-addresses`)
    fill(
      place,
      data.length === 0 ? emptyCard(t("security.no_blocks"), t("security.no_blocks_text")) : blockTable(page, data),
    )
  } catch (problem) {
    fill(
      place,
      failedCard(problem, () => showBlocks(page)),
    )
  }
}

/** @param {Page} page @param {Block[]} blocks */
function blockTable(page, blocks) {
  return h(
    "div",
    { class: "scroller", tabindex: 0, role: "region", "aria-label": t("security.blocks") },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, t("security.blocks")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col", class: "sticky-column" }, t("security.address")),
          h("th", { scope: "col" }, t("security.reason")),
          h("th", { scope: "col" }, t("security.until")),
          page.mayAct && h("th", { scope: "col" }, h("span", { class: "sr-only" }, t("team.actions"))),
        ),
      ),
      h(
        "tbody",
        {},
        ...blocks.map(block =>
          h(
            "tr",
            { "data-id": block.id },
            h("th", { scope: "row", class: "sticky-column" }, h("code", {}, block.address)),
            h(
              "td",
              {},
              h("span", { class: "block max-w-80 whitespace-normal" }, block.reason),
              h("span", { class: "block text-soft" }, block.blocked_by ?? ""),
            ),
            h("td", {}, exactTime(block.expires_at)),
            page.mayAct &&
              h(
                "td",
                { class: "align-end" },
                h(
                  "button",
                  { type: "button", class: "button button-small", onclick: () => unblock(page, block) },
                  t("security.unblock"),
                  h("span", { class: "sr-only" }, ` ${block.address}`),
                ),
              ),
          ),
        ),
      ),
    ),
  )
}

/** @param {Page} page @param {Block} block */
async function unblock(page, block) {
  const done = await formDialog({
    title: t("security.unblock_title", { address: block.address }),
    fields: [],
    action: t("security.unblock"),
    submit: () => dangerousRequest("DELETE", `${BASE}/blocked-addresses/${block.id}`),
  })
  if (done) await page.acted()
}
