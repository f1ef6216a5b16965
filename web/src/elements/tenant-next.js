// What happens to a tenant by itself, and what was agreed with its customer about unpaid invoices.

import { byId, fill, h } from "../lib/dom.js"
import { formatFullDateTime, formatMoney, zoneName } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { ifMatch, staffRequest } from "../lib/session.js"
import { sayOnPage } from "./answer.js"
import { failedCard, notice } from "./feedback.js"
import { field, formDialog, inputFor } from "./form-dialog.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/**
 * @typedef {{ what: string, progress: "done" | "skipped" | "coming" | "waiting", at: string | null, invoice: string | null,
 *             currency: string | null, amount: number | null, hold: string | null }} Next
 * @typedef {{ customer_id: string, is_paused: boolean, not_before: string | null, data: Next[] }} Calendar
 */

const TONES = { done: "tone-positive", skipped: "", coming: "tone-info", waiting: "tone-caution" }

export class TenantNext {
  mayAgree = false
  #path
  #drawn = ""

  /** @param {string} path of the tenant */
  constructor(path) {
    this.#path = path
  }

  /** @param {TenantDetail | null} tenant */
  async load(tenant) {
    try {
      /** @type {Calendar & { as_of: string }} */
      const { as_of: _, ...calendar } = await staffRequest("GET", `${this.#path}/what-happens-next`)
      const text = JSON.stringify(calendar)
      if (tenant && text !== this.#drawn) this.#draw(calendar, tenant)
      this.#drawn = text
    } catch (problem) {
      this.#drawn = ""
      fill(
        byId("next", HTMLElement),
        failedCard(problem, () => this.load(tenant)),
      )
    }
  }

  /** @param {Calendar} calendar @param {TenantDetail} tenant */
  #draw(calendar, tenant) {
    const { is_paused: isPaused, not_before: notBefore, data } = calendar
    const isPutOff = notBefore !== null && Date.parse(notBefore) > Date.now()
    const follows = data.some(({ progress }) => progress !== "coming") || data.some(({ invoice }) => invoice !== null)
    fill(
      byId("next", HTMLElement),
      isPaused && h("p", { class: "mb-3" }, t("next.paused")),
      !isPaused && isPutOff && h("p", { class: "mb-3" }, t("next.not_before", { time: formatFullDateTime(notBefore) })),
      data.length === 0
        ? h("p", { class: "text-soft" }, t("next.none"))
        : h("ol", { class: "grid gap-2" }, ...data.map(row)),
    )
    fill(
      byId("next-action", HTMLElement),
      this.mayAgree &&
        (follows || isPaused || isPutOff) &&
        h(
          "button",
          { type: "button", class: "button button-small", onclick: () => this.#agree(calendar, tenant) },
          t("next.agree"),
        ),
    )
  }

  /** @param {Calendar} calendar @param {TenantDetail} tenant */
  async #agree({ customer_id: customer }, tenant) {
    const path = `/api/customers/${customer}/dunning`
    const agreed = await staffRequest("GET", path)
    const pause = h("input", { type: "checkbox", class: "size-6 flex-none", checked: agreed.is_paused })
    const notBefore = inputFor("PUT /api/customers/{id}/dunning", "not_before", {
      value: agreed.not_before ? localTime(agreed.not_before) : "",
    })
    const note = inputFor("PUT /api/customers/{id}/dunning", "note", { value: agreed.note ?? "" })
    const done = await formDialog({
      title: t("next.agree_title", { company: tenant.company }),
      lead: t("next.agree_lead"),
      fields: [
        h("label", { class: "flex min-h-6 items-center gap-2" }, pause, t("next.pause_field")),
        field(`${t("next.not_before_field")} (${zoneName()})`, notBefore),
        field(t("next.note"), note, h("p", { class: "hint" }, t("holds.note_hint"))),
      ],
      action: t("next.agree_action"),
      submit: () =>
        staffRequest("PUT", path, {
          headers: ifMatch(agreed),
          body: {
            is_paused: pause.checked,
            not_before: notBefore.value ? new Date(notBefore.value).toISOString() : null,
            note: note.value.trim() || null,
          },
        }),
    })
    if (!done) return
    sayOnPage(notice("positive", t("next.agreed")))
    await this.load(tenant)
  }
}

/** @param {Next} next */
function row({ what, progress, at, invoice, currency, amount, hold }) {
  const about =
    invoice && currency !== null && amount !== null
      ? t("next.about", { invoice, amount: formatMoney({ amount, currency }) })
      : hold && label("hold", hold)
  return h(
    "li",
    { class: "flex flex-wrap items-baseline gap-x-4 gap-y-1 border-t border-line pt-2 first:border-t-0 first:pt-0" },
    h("span", { class: "numbers w-56 flex-none" }, at ? exactTime(at) : t("next.waits")),
    h(
      "span",
      { class: "min-w-0 flex-1 basis-48" },
      label("next_what", what),
      about && h("span", { class: "hint ms-2" }, about),
    ),
    h("span", { class: `badge ${TONES[progress]}` }, label("next_progress", progress)),
  )
}

/** As a field of the browser takes it, in the reader's zone. @param {string} time */
function localTime(time) {
  const at = new Date(time)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
