// The reasons for which a tenant stands still: each with who placed it, why and until when; it runs when there is none.

import { byId, fill, h } from "../lib/dom.js"
import { formatFullDateTime, zoneName } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { actorName, say } from "../lib/say.js"
import { staffRequest } from "../lib/session.js"
import { FINAL_STATES } from "../lib/tenants.js"
import { field, formDialog, inputFor, selectFor } from "./form-dialog.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../pages/tenant_config.js").Page} Page */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/** @typedef {import("../lib/tenants.js").Hold} Hold */

/** @param {Page} page @param {TenantDetail} tenant */
export function drawHolds(page, tenant) {
  const holds = tenant.holds_detail ?? []
  const may = page.may && !FINAL_STATES.includes(tenant.state)
  fill(
    byId("holds-action", HTMLElement),
    may &&
      h(
        "button",
        { type: "button", class: "button button-small", onclick: () => place(page, tenant).catch(page.failed) },
        t("holds.place"),
      ),
  )
  fill(
    byId("holds-list", HTMLElement),
    holds.length === 0
      ? h("p", { class: "text-soft" }, t("holds.none"))
      : h("ul", { class: "grid gap-3" }, ...holds.map(hold => row(page, tenant, hold, may))),
  )
}

/** @param {Page} page @param {TenantDetail} tenant @param {Hold} hold @param {boolean} may */
function row(page, tenant, hold, may) {
  const name = label("hold", hold.reason)
  return h(
    "li",
    { class: "flex flex-wrap items-start justify-between gap-x-4 gap-y-2 border-t border-line pt-3" },
    h(
      "div",
      { class: "grid min-w-0 gap-1" },
      h("p", {}, h("span", { class: "badge" }, name)),
      hold.message && h("p", {}, say(hold.message)),
      hold.note && h("p", { class: "wrap-anywhere", translate: "no" }, hold.note),
      h("p", { class: "hint" }, t("holds.placed", { who: actorName(hold.placed_by) }), " ", exactTime(hold.placed_at)),
      hold.expires_at && h("p", { class: "hint" }, t("holds.until"), " ", exactTime(hold.expires_at)),
    ),
    may &&
      h(
        "button",
        {
          type: "button",
          class: "screen-only button button-small",
          onclick: () => release(page, tenant, hold).catch(page.failed),
        },
        t("holds.release"),
        h("span", { class: "sr-only" }, ` ${name}`),
      ),
  )
}

/** @param {Page} page @param {TenantDetail} tenant */
async function place(page, tenant) {
  const placed = (tenant.holds_detail ?? []).map(({ reason }) => reason)
  const reason = selectFor("POST /api/tenants/{id}/holds", "reason", value => label("hold", value), { chosen: "admin" })
  for (const option of [...reason.options]) if (placed.includes(option.value)) option.remove()
  const note = inputFor("POST /api/tenants/{id}/holds", "note")
  const until = inputFor("POST /api/tenants/{id}/holds", "expires_at")
  const done = await formDialog({
    title: t("holds.place_title", { name: tenant.subdomain }),
    lead: t("holds.place_lead"),
    danger: true,
    fields: [
      field(t("field.reason"), reason),
      field(t("holds.note"), note, h("p", { class: "hint" }, t("holds.note_hint"))),
      field(`${t("holds.until_field")} (${zoneName()})`, until, h("p", { class: "hint" }, t("holds.until_hint"))),
    ],
    action: t("holds.place"),
    submit: () =>
      staffRequest("POST", `${page.path}/holds`, {
        body: {
          reason: reason.value,
          ...(note.value.trim() && { note: note.value.trim() }),
          ...(until.value && { expires_at: new Date(until.value).toISOString() }),
        },
      }),
  })
  if (done) await page.done(t("holds.placed_done"))
}

/** @param {Page} page @param {TenantDetail} tenant @param {Hold} hold */
async function release(page, tenant, hold) {
  const left = (tenant.holds_detail ?? []).length - 1
  const done = await formDialog({
    title: t("holds.release_title", { hold: label("hold", hold.reason) }),
    lead: left > 0 ? t("holds.release_others", { count: left }) : t("holds.release_last", { name: tenant.subdomain }),
    fields: hold.expires_at
      ? [h("p", { class: "hint" }, t("holds.would_end", { time: formatFullDateTime(hold.expires_at) }))]
      : [],
    action: t("holds.release"),
    submit: () => staffRequest("DELETE", `${page.path}/holds/${hold.reason}`),
  })
  if (done) await page.done(t("holds.released_done"))
}
