// Security: its events, the blocked addresses and the switches of an incident.

import { startConsole } from "../elements/console-shell.js"
import { emptyCard, notice } from "../elements/feedback.js"
import { ListPage, showWithList } from "../elements/list-page.js"
import { blockByHand, showBlocks } from "../elements/security-blocks.js"
import { eventRow } from "../elements/security-events.js"
import { BASE } from "../elements/security-fields.js"
import { showSwitches } from "../elements/security-switches.js"
import { byId, fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../elements/security-events.js").SecurityEvent} SecurityEvent */

const page = { mayAct: false, acted }
/** @type {ListPage<SecurityEvent>} */
let list

startConsole().then(
  async user => {
    page.mayAct = user.scopes.includes("security:write")
    list = new ListPage({
      load: (query, signal) => staffRequest("GET", `${BASE}/events?${query}`, { signal }),
      row: event => eventRow(page, event),
      empty: filtered =>
        filtered
          ? emptyCard(
              t("security.no_match"),
              t("team.no_match_text"),
              h("button", { type: "button", class: "button", onclick: () => list.clear() }, t("tenants.clear_all")),
            )
          : emptyCard(t("security.none"), t("security.none_text")),
    })
    byId("block", HTMLButtonElement).addEventListener("click", () => blockByHand(page))
    await showAll()
  },
  () => {},
)

const showAll = () => showWithList(list.reload(), showBlocks(page), showSwitches(page))

async function acted() {
  fill(byId("done", HTMLDivElement), notice("positive", t("security.done")))
  await showAll()
}
