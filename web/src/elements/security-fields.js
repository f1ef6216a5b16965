// What the parts of the security page share: whom they ask, the fields of their dialogs, and what the page does for them.

import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { field } from "./form-dialog.js"

/**
 * What every part needs of the page; `acted` reads everything anew and says beside what was pressed that it is done.
 * @typedef {{ mayAct: boolean, acted: (near: Element | string) => Promise<void> }} Page
 */

export const BASE = "/api/settings/security"
const BLOCK_HOURS = [1, 24, 168, 720]

export const reasonField = () =>
  field(
    t("security.reason"),
    h("input", { class: "input", name: "reason", autocomplete: "off", maxlength: 500, required: true }),
    h("p", { class: "hint" }, t("security.reason_hint")),
  )

export const hoursField = () =>
  field(
    t("security.how_long"),
    h(
      "select",
      { class: "input", name: "hours", autocomplete: "off" },
      ...BLOCK_HOURS.map(hours =>
        h("option", { value: hours, selected: hours === 24 }, t("api_keys.hours", { count: hours })),
      ),
    ),
  )

/** @param {HTMLFormElement} form */
export const values = form =>
  Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]))
