// Tenants by what they are in at the moment, with their numbers; each entry is the list filtered by it.

import { fill, h } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"

/** @typedef {{ state: string, count: number, capped: boolean }} StateCount */
/** @typedef {{ count: number, capped: boolean }} Sum */

const GROUPS = [
  { name: "all", states: [] },
  { name: "live", states: ["live"] },
  { name: "building", states: ["queued", "provisioning"] },
  { name: "awaiting_payment", states: ["reserved", "awaiting_payment"] },
  { name: "suspended", states: ["suspending", "suspended", "resuming"] },
  { name: "failed", states: ["provision_failed"] },
  { name: "rolled_back", states: ["rolled_back"] },
  { name: "gone", states: ["archiving", "archived", "purging", "purged"] },
]

/**
 * @param {HTMLElement} place @param {StateCount[]} counts
 * @param {string[]} chosen the states of the list as it is shown @param {(states: string[]) => void} choose
 */
export function drawStateStrip(place, counts, chosen, choose) {
  const focused = place.contains(document.activeElement) ? document.activeElement?.getAttribute("href") : null
  fill(place, ...GROUPS.map(group => entry(group, sumOf(counts, group.states), chosen, choose)))
  if (focused) /** @type {HTMLElement} */ (place.querySelector(`[href="${focused}"]`))?.focus()
}

/** @param {(typeof GROUPS)[number]} group @param {Sum} sum @param {string[]} chosen @param {(states: string[]) => void} choose */
function entry({ name, states }, sum, chosen, choose) {
  const current = [...chosen].sort().join() === [...states].sort().join()
  const link = h(
    "a",
    {
      class: sum.count === 0 ? "state-entry state-entry-none" : "state-entry",
      href: states.length > 0 ? `/admin/tenants?state=${states.join(",")}` : "/admin/tenants",
      "aria-current": current && "true",
    },
    h("span", { class: "text-sm" }, label("state_group", name)),
    h(
      "span",
      { class: "state-count" },
      sum.capped ? t("tenants.at_least", { count: sum.count }) : formatNumber(sum.count),
    ),
  )
  link.addEventListener("click", event => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    choose(states)
  })
  return link
}

/** @param {StateCount[]} counts @param {string[]} states none means all @returns {Sum} */
function sumOf(counts, states) {
  const mine = counts.filter(({ state }) => states.length === 0 || states.includes(state))
  return { count: mine.reduce((sum, { count }) => sum + count, 0), capped: mine.some(({ capped }) => capped) }
}
