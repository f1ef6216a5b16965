// Security: its events, the blocked addresses and the switches of an incident.

import { startConsole } from "../elements/console-shell.js"
import { DataTable } from "../elements/data-table/data-table.js"
import { notice } from "../elements/feedback.js"
import { blockByHand, blockTable } from "../elements/security-blocks.js"
import { eventTable } from "../elements/security-events.js"
import { showSwitches } from "../elements/security-switches.js"
import { byId, fill } from "../lib/dom.js"
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

async function acted() {
  fill(byId("done", HTMLDivElement), notice("positive", t("security.done")))
  await showAll(table.reload(), blocks.reload())
}
