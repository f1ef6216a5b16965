// What stops, moves or ends a tenant. Only what its state allows is offered; what cannot be taken back asks more.

import { byId, fill, h } from "../lib/dom.js"
import { formatFullDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { field, formDialog, inputFor } from "./form-dialog.js"
import { companyField, newTenantFrom } from "./new-tenant-dialog.js"
import { severeDialog } from "./severe-dialog.js"
import { dangerousRequest } from "./step-up.js"

/** @typedef {import("../pages/tenant_config.js").Page} Page */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/** @typedef {{ title: string, text: string, action: string, danger?: boolean, act: () => Promise<void>, states: string[] }} Deed */

const RUNNING = ["live"]
const STILL = ["live", "suspended"]
const BILLED = ["trialing", "active", "past_due", "unpaid", "paused"]
const BUILT = ["live", "suspending", "suspended", "resuming"]
const UNBUILT = ["queued", "provisioning", "provision_failed"]

/** @param {Page} page @param {TenantDetail} tenant */
export function drawDanger(page, tenant) {
  const deeds = page.may ? deedsOf(page, tenant).filter(({ states }) => states.includes(tenant.state)) : []
  fill(
    byId("danger-list", HTMLElement),
    ...deeds.map(deed => row(page, deed)),
    deeds.length === 0 && h("li", { class: "text-soft" }, page.may ? t("danger.none") : t("danger.forbidden")),
  )
}

/** @param {Page} page @param {Deed} deed */
function row(page, { title, text, action, danger, act }) {
  return h(
    "li",
    { class: "flex flex-wrap items-center justify-between gap-x-6 gap-y-2 border-t border-line py-3 first:border-0" },
    h(
      "div",
      { class: "min-w-0 flex-1 basis-64" },
      h("h3", { class: "font-semibold" }, title),
      h("p", { class: "text-soft" }, text),
    ),
    h(
      "button",
      {
        type: "button",
        class: `button ${danger ? "button-danger-quiet" : ""}`,
        onclick: () => act().catch(page.failed),
      },
      action,
    ),
  )
}

/** @param {Page} page @param {TenantDetail} tenant @returns {Deed[]} */
function deedsOf(page, tenant) {
  const { path } = page
  const name = tenant.subdomain
  const until = tenant.restorable_until ? formatFullDateTime(tenant.restorable_until) : ""
  const sendDelete = (/** @type {{ confirm: string }} */ { confirm }, /** @type {HTMLFormElement} */ form) => {
    const query = new URLSearchParams({ action: "delete", confirm, ...moneyChoice(form) })
    return dangerousRequest("DELETE", `${path}?${query}`)
  }
  return [
    {
      title: t("danger.restart"),
      text: t("danger.restart_text"),
      action: t("danger.restart_action"),
      states: RUNNING,
      act: () =>
        ask(page, {
          title: t("danger.restart_title", { name }),
          lead: t("danger.restart_text"),
          action: t("danger.restart_action"),
          send: () => staffRequest("POST", `${path}/restart`),
          done: t("danger.restart_done"),
        }),
    },
    {
      title: t("danger.clone"),
      text: t("danger.clone_text"),
      action: t("danger.clone_action"),
      states: STILL,
      act: () =>
        newTenantFrom({
          title: t("danger.clone_title", { name }),
          lead: t("danger.clone_text"),
          action: t("danger.clone_action"),
          fields: [companyField(tenant.company)],
          send: body => staffRequest("POST", `${path}/clone`, { body }),
        }),
    },
    {
      title: t("danger.suspend"),
      text: t("danger.suspend_text"),
      action: t("danger.suspend_action"),
      danger: true,
      // What keeps it from running again may take longer than anybody waits.
      states: tenant.failure ? [...RUNNING, "resuming"] : RUNNING,
      act: () => suspend(page, name),
    },
    {
      title: t("danger.resume"),
      text: t("danger.resume_text"),
      action: t("danger.resume_action"),
      states: tenant.holds.includes("admin") ? ["suspending", "suspended"] : [],
      act: async () => {
        await staffRequest("POST", `${path}/resume`)
        await page.done(t("danger.resume_done"))
      },
    },
    {
      title: t("danger.archive"),
      text: t("danger.archive_text"),
      action: t("danger.archive_action"),
      danger: true,
      states: ["suspended"],
      act: () =>
        ask(page, {
          title: t("danger.archive_title", { name }),
          lead: t("danger.archive_text"),
          action: t("danger.archive_action"),
          danger: true,
          send: () => dangerousRequest("POST", `${path}/archive`),
          done: t("danger.archive_done"),
        }),
    },
    {
      title: t("danger.restore"),
      text: until ? t("danger.restore_text_until", { time: until }) : t("danger.restore_text"),
      action: t("danger.restore_action"),
      states: ["archived"],
      act: () =>
        ask(page, {
          title: t("danger.restore_title", { name }),
          lead: t("danger.restore_text"),
          action: t("danger.restore_action"),
          send: () => dangerousRequest("POST", `${path}/restore`),
          done: t("danger.restore_done"),
        }),
    },
    {
      title: t("danger.delete"),
      text: t("danger.delete_text"),
      action: t("danger.delete_action"),
      danger: true,
      states: BUILT,
      act: () =>
        end(page, tenant, {
          title: t("danger.delete_title", { name }),
          lead: t("severe.lead_back"),
          consequences: [t("danger.delete_stops"), t("danger.delete_archive"), t("danger.delete_data")],
          action: t("danger.delete_name", { name }),
          fields: moneyFields(page, tenant),
          send: sendDelete,
          done: t("danger.delete_done"),
        }),
    },
    {
      title: t("danger.delete"),
      text: t("danger.delete_unbuilt_text"),
      action: t("danger.delete_action"),
      danger: true,
      states: UNBUILT,
      act: () =>
        end(page, tenant, {
          title: t("danger.delete_title", { name }),
          consequences: [t("danger.delete_unbuilt"), t("danger.delete_unbuilt_name")],
          action: t("danger.delete_name", { name }),
          fields: moneyFields(page, tenant),
          send: sendDelete,
          done: t("danger.delete_unbuilt_done"),
        }),
    },
    {
      title: t("danger.purge"),
      text: t("danger.purge_text"),
      action: t("danger.purge_action"),
      danger: true,
      states: ["archived"],
      act: () =>
        end(page, tenant, {
          title: t("danger.purge_title", { name }),
          consequences: [t("danger.purge_data"), t("danger.purge_name"), t("danger.purge_backup")],
          action: t("danger.purge_name_action", { name }),
          send: body => dangerousRequest("POST", `${path}/purge`, { body }),
          done: t("danger.purge_done"),
        }),
    },
  ]
}

/**
 * @param {Page} page
 * @param {{ title: string, lead: string, action: string, danger?: boolean, send: () => Promise<unknown>, done: string }} parts
 */
async function ask(page, { title, lead, action, danger, send, done }) {
  if (await formDialog({ title, lead, action, danger, fields: [], submit: send })) await page.done(done)
}

/** @param {Page} page @param {string} name */
async function suspend(page, name) {
  const note = inputFor("DELETE /api/tenants/{id}", "note")
  const done = await formDialog({
    title: t("danger.suspend_title", { name }),
    lead: t("danger.suspend_text"),
    danger: true,
    fields: [field(t("holds.note"), note, h("p", { class: "hint" }, t("holds.note_hint")))],
    action: t("danger.suspend_name", { name }),
    submit: () => {
      const why = note.value.trim()
      const query = new URLSearchParams({ action: "suspend", ...(why && { note: why }) })
      return staffRequest("DELETE", `${page.path}?${query}`)
    },
  })
  if (done) await page.done(t("danger.suspend_done"))
}

/**
 * @param {Page} page @param {TenantDetail} tenant
 * @param {{ title: string, consequences: string[], action: string, done: string, lead?: string, fields?: HTMLElement[],
 *           send: (body: { confirm: string }, form: HTMLFormElement) => Promise<unknown> }} parts
 */
async function end(page, tenant, { title, lead, consequences, action, fields, send, done }) {
  const name = tenant.subdomain
  const confirmed = await severeDialog({
    title,
    name,
    lead,
    consequences,
    action,
    fields,
    submit: form => send({ confirm: name }, form),
  })
  if (confirmed) await page.done(done)
}

/** What becomes of the money, where a subscription bills for it. @param {Page} page @param {TenantDetail} tenant */
function moneyFields({ sendsMail }, { subscription_status: status }) {
  if (!status || !BILLED.includes(status)) return []
  const choices = [
    ["period_end", t("danger.money_period_end")],
    ["now", t("danger.money_now")],
    ["now_refund", t("danger.money_now_refund")],
  ]
  const select = h(
    "select",
    { class: "input", name: "money" },
    ...choices.map(([value, text]) => h("option", { value }, text)),
  )
  const told = sendsMail ? t("danger.money_told") : t("danger.money_kept")
  return [field(t("danger.money"), select, h("p", { class: "hint" }, t("danger.money_hint"), " ", told))]
}

/** @param {HTMLFormElement} form @returns {Record<string, string>} */
function moneyChoice(form) {
  const select = /** @type {HTMLSelectElement | null} */ (form.elements.namedItem("money"))
  if (!select) return {}
  return select.value === "now_refund" ? { ends: "now", refund: "unused" } : { ends: select.value }
}
