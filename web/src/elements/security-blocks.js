// The addresses that are kept out, and keeping one out by hand.

import { byId, h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { field, formDialog, inputFor, values } from "./form-dialog.js"
import { BASE, hoursField, reasonField } from "./security-fields.js"
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
        inputFor("POST /api/settings/security/blocked-addresses", "address", { class: "input font-mono" }),
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
  if (done) await page.acted(byId("block", HTMLElement))
}

/** @param {Page} page @returns {import("./data-table/data-table.js").Table<Block>} */
export const blockTable = page => ({
  embedded: true,
  path: `${BASE}/blocked-addresses`,
  query: () => new URLSearchParams(), // all of them, in the API's order
  title: t("security.blocks"),
  heads: id => label("column.blocked_addresses", id),
  order: "",
  columns: [
    { id: "address", cell: ({ address }) => h("code", {}, address) },
    {
      id: "reason",
      wide: true,
      cell: ({ reason, blocked_by: who }) => [
        h("span", { class: "block" }, reason),
        who && h("span", { class: "block text-soft" }, who),
      ],
    },
    { id: "expires_at", cell: ({ expires_at: time }) => exactTime(time) },
  ],
  actions: page.mayAct ? block => unblockButton(page, block) : undefined,
  none: { title: t("security.no_blocks"), text: t("security.no_blocks_text") },
})

/** @param {Page} page @param {Block} block */
const unblockButton = (page, block) =>
  h(
    "button",
    { type: "button", class: "button button-small", onclick: () => unblock(page, block) },
    t("security.unblock"),
    h("span", { class: "sr-only" }, ` ${block.address}`),
  )

/** @param {Page} page @param {Block} block */
async function unblock(page, block) {
  const done = await formDialog({
    title: t("security.unblock_title", { address: block.address }),
    fields: [],
    action: t("security.unblock"),
    submit: () => dangerousRequest("DELETE", `${BASE}/blocked-addresses/${block.id}`),
  })
  if (done) await page.acted(block.id)
}
