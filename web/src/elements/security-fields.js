// What the parts of the security page share: whom they ask, the fields of their dialogs, and what the page does for them.

import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { field, inputFor, selectFor } from "./form-dialog.js"

/**
 * What every part needs of the page; `acted` reads everything anew and says beside what was pressed that it is done.
 * @typedef {{ mayAct: boolean, acted: (near: Element | string) => Promise<void> }} Page
 */

export const BASE = "/api/settings/security"
const BLOCK_HOURS = [1, 24, 168, 720]

export const reasonField = () =>
  field(
    t("field.reason"),
    inputFor("POST /api/settings/security/blocked-addresses", "reason"),
    h("p", { class: "hint" }, t("security.reason_hint")),
  )

export const hoursField = () =>
  field(
    t("security.how_long"),
    selectFor(
      "POST /api/settings/security/blocked-addresses",
      "hours",
      hours => t("api_keys.hours", { count: hours }),
      { values: BLOCK_HOURS, chosen: 24 },
    ),
  )
