// Security: its events, the blocked addresses and the switches of an incident.

import { beside } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { notice } from "../elements/feedback.js"
import { blockByHand, blockTable } from "../elements/security-blocks.js"
import { eventTable } from "../elements/security-events.js"
import { showSwitches } from "../elements/security-switches.js"
import { byId } from "../lib/dom.js"
import { t } from "../lib/messages.js"

const page = { mayAct: false, acted }
const table = byId("table", DataTable)
const blocks = byId("blocks", DataTable)

startConsole().then(
  async user => {
    page.mayAct = user.scopes.includes("security:write")
    byId("block", HTMLButtonElement).addEventListener("click", () => blockByHand(page))
    await showAll(table.start(eventTable(page)), blocks.start(blockTable(page)))
  },
  () => {},
)

// The list's height is known only when it has come: what stands below waits for it, and nothing is pushed about.
/** @param {...Promise<void>} lists */
async function showAll(...lists) {
  await Promise.all([...lists, showSwitches(page)])
  const below = byId("below-list", HTMLDivElement)
  below.hidden = false
  below.removeAttribute("aria-busy")
}

/** @param {Element | string} near an element, or the id of a row */
async function acted(near) {
  const answer = beside(near)
  await showAll(table.reload(), blocks.reload())
  answer(notice("positive", t("security.done")))
}
