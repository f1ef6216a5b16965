// Maintenance of a tenant: now or in a window, with a message that stands at its address meanwhile.

import { mdiWrenchOutline } from "@mdi/js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatFullDateTime, zoneName } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { FINAL_STATES } from "../lib/tenants.js"
import { field, formDialog, inputFor } from "./form-dialog.js"

/** @typedef {import("../pages/tenant_config.js").Page} Page */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */

/** @param {Page} page @param {TenantDetail} tenant */
export function drawMaintenance(page, tenant) {
  const window = tenant.maintenance
  const planned = window?.active || window?.from
  const may = page.may && !FINAL_STATES.includes(tenant.state)
  /** @param {string} text @param {() => Promise<void>} act */
  const button = (text, act) =>
    h("button", { type: "button", class: "button button-small", onclick: () => act().catch(page.failed) }, text)
  fill(
    byId("maintenance-action", HTMLElement),
    may && planned && button(t("maintenance.end"), () => end(page)),
    may && button(planned ? t("maintenance.change") : t("maintenance.begin"), () => begin(page, tenant)),
  )
  fill(
    byId("maintenance-body", HTMLElement),
    planned && window ? state(window) : h("p", { class: "text-soft" }, t("maintenance.none")),
  )
}

/** @param {NonNullable<TenantDetail["maintenance"]>} window */
function state({ active, from, until, message }) {
  return h(
    "div",
    { class: "grid gap-2" },
    h(
      "p",
      {},
      h(
        "span",
        { class: `badge ${active ? "tone-caution" : ""}` },
        icon(mdiWrenchOutline),
        active ? t("maintenance.active") : t("maintenance.planned"),
      ),
    ),
    h(
      "p",
      {},
      from && t("maintenance.from", { time: formatFullDateTime(from) }),
      " ",
      until ? t("maintenance.until", { time: formatFullDateTime(until) }) : t("maintenance.open_end"),
    ),
    message && h("blockquote", { class: "border-s-4 border-line ps-3 wrap-anywhere", translate: "no" }, message),
  )
}

/** @param {Page} page @param {TenantDetail} tenant */
async function begin(page, tenant) {
  const window = tenant.maintenance
  const from = inputFor("PUT /api/tenants/{id}/maintenance", "from", { value: localTime(window?.from) })
  const until = inputFor("PUT /api/tenants/{id}/maintenance", "until", { value: localTime(window?.until) })
  const message = inputFor("PUT /api/tenants/{id}/maintenance", "message", { value: window?.message })
  const shownMessage = h("p", { class: "wrap-anywhere text-soft" })
  const shownUntil = h("p", { class: "text-soft empty:hidden" })
  const preview = () => {
    setText(shownMessage, message.value.trim() || t("maintenance.usual_message"))
    setText(shownUntil, until.value ? t("maintenance.until", { time: formatFullDateTime(until.value) }) : "")
  }
  message.addEventListener("input", preview)
  until.addEventListener("input", preview)
  preview()
  const done = await formDialog({
    title: t("maintenance.title", { name: tenant.subdomain }),
    lead: t("maintenance.lead"),
    fields: [
      h(
        "div",
        { class: "grid gap-5 sm:grid-cols-2" },
        field(
          `${t("maintenance.from_field")} (${zoneName()})`,
          from,
          h("p", { class: "hint" }, t("maintenance.from_hint")),
        ),
        field(
          `${t("maintenance.until_field")} (${zoneName()})`,
          until,
          h("p", { class: "hint" }, t("maintenance.until_hint")),
        ),
      ),
      field(t("maintenance.message"), message),
      h(
        "figure",
        { class: "grid gap-2" },
        h("figcaption", { class: "hint" }, t("maintenance.preview")),
        h(
          "div",
          { class: "grid gap-2 rounded-xl border border-line bg-canvas p-4" },
          icon(mdiWrenchOutline, "text-link"),
          h("p", { class: "text-lg font-semibold" }, t("tenant_maintenance.title")),
          shownMessage,
          shownUntil,
        ),
      ),
    ],
    action: t("maintenance.save"),
    submit: () =>
      staffRequest("PUT", `${page.path}/maintenance`, {
        body: {
          ...(from.value && { from: new Date(from.value).toISOString() }),
          ...(until.value && { until: new Date(until.value).toISOString() }),
          ...(message.value.trim() && { message: message.value.trim() }),
        },
      }),
  })
  if (done) await page.done(from.value ? t("maintenance.planned_done") : t("maintenance.begun_done"))
}

/** @param {Page} page */
async function end(page) {
  await staffRequest("DELETE", `${page.path}/maintenance`)
  await page.done(t("maintenance.ended_done"))
}

/** As a field for date and time wants it, in the reader's zone. @param {string | null | undefined} time */
function localTime(time) {
  if (!time) return false
  const date = new Date(time)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
