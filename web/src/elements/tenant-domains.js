// Addresses of the customer's own: whether their DNS leads here, said in words, and how long the certificate is good.

import { byId, fill, h } from "../lib/dom.js"
import { formatDate } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { field, formDialog, inputFor, textareaFor } from "./form-dialog.js"
import { rowMenu } from "./row-menu.js"
import { exactTime, timeText } from "./time-text.js"

/**
 * @typedef {{ domain: string, name: string, state: string, problem: string | null, found: string | null, expected: string,
 *             issuer: string | null, not_after: string | null, checked_at: string | null, attempts: number,
 *             next_attempt_at: string | null }} Domain
 */

const PATIENCE = 30_000

/** What is wrong, and what to do about it. @type {Record<string, (values: Record<string, string>) => string>} */
const DIAGNOSES = {
  no_such_name: values => t("domain_problem.no_such_name", values),
  no_address: values => t("domain_problem.no_address", values),
  wrong_name: values => t("domain_problem.wrong_name", values),
  points_elsewhere: values => t("domain_problem.points_elsewhere", values),
  target_unknown: values => t("domain_problem.target_unknown", values),
  dns_unreachable: values => t("domain_problem.dns_unreachable", values),
  upload_needed: values => t("domain_problem.upload_needed", values),
  acme_failed: values => t("domain_problem.acme_failed", values),
  acme_missing: () => t("domain_problem.acme_missing"),
  certificate_wrong: values => t("domain_problem.certificate_wrong", values),
  certificate_refused: values => t("domain_problem.certificate_refused", values),
  certificate_ends_soon: values => t("domain_problem.certificate_ends_soon", values),
  certificate_expired: values => t("domain_problem.certificate_expired", values),
}

/** @param {Domain} domain */
function diagnosisOf({ name, problem, found, expected }) {
  if (!problem) return ""
  return DIAGNOSES[problem]?.({ domain: name, found: found ?? "", expected }) ?? t("reason_unknown", { code: problem })
}

/** @param {string} issuer @param {Date} end */
function certificateOf(issuer, end) {
  const values = { issuer, date: formatDate(end) }
  return end > new Date() ? t("domains.certificate", values) : t("domains.certificate_ended", values)
}

export class TenantDomains {
  /** @type {import("../lib/tenants.js").TenantDetail | undefined} */
  tenant
  #drawn = ""
  /** Domains that are being looked at: when they were looked at last. @type {Map<string, string | null>} */
  #awaited = new Map()
  #patience = 0

  /** @param {import("../pages/tenant_config.js").Page} page */
  constructor(page) {
    this.page = page
  }

  async load() {
    /** @type {{ data: Domain[] }} */
    const { data } = await staffRequest("GET", `${this.page.path}/domains`)
    for (const { domain, checked_at } of data)
      if (this.#awaited.get(domain) !== checked_at) this.#awaited.delete(domain)
    this.#draw(data)
  }

  /** A look at DNS is under way, and not given up. */
  get isWorking() {
    return this.#awaited.size > 0 && Date.now() < this.#patience
  }

  /** @param {string} domain @param {string | null} checkedAt */
  #await(domain, checkedAt) {
    this.#awaited.set(domain, checkedAt)
    this.#patience = Date.now() + PATIENCE
  }

  /** @param {Domain[]} domains */
  #draw(domains) {
    const fingerprint = JSON.stringify(domains)
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(
      byId("domains-action", HTMLElement),
      this.page.may &&
        h(
          "button",
          { type: "button", class: "button button-small", onclick: () => this.#add().catch(this.page.failed) },
          t("domains.add"),
        ),
    )
    fill(
      byId("domains-body", HTMLElement),
      domains.length === 0
        ? h("p", { class: "text-soft" }, t("domains.none"))
        : h("ul", { class: "grid" }, ...domains.map(domain => this.#row(domain))),
    )
  }

  /** @param {Domain} domain */
  #row(domain) {
    return h(
      "li",
      { class: "event", "data-domain": domain.domain },
      h(
        "div",
        { class: "grid min-w-0 gap-1" },
        h(
          "p",
          { class: "flex flex-wrap items-center gap-2" },
          h("span", { class: "min-w-0 font-medium wrap-anywhere", translate: "no" }, domain.name),
          h("status-badge", { kind: "domain", value: domain.state }),
        ),
        domain.problem && h("p", { class: "text-sm wrap-anywhere" }, diagnosisOf(domain)),
        domain.next_attempt_at &&
          h(
            "p",
            { class: "text-sm text-soft" },
            t("domains.next_attempt", { count: domain.attempts }),
            " ",
            exactTime(domain.next_attempt_at),
          ),
        domain.not_after &&
          h("p", { class: "text-sm text-soft" }, certificateOf(domain.issuer ?? "–", new Date(domain.not_after))),
        domain.checked_at &&
          h("p", { class: "text-sm text-soft" }, t("domains.checked"), " ", timeText(domain.checked_at)),
      ),
      this.page.may &&
        rowMenu(t("menu.actions_for", { name: domain.name }), [
          { text: t("domains.check"), onclick: () => this.#check(domain).catch(this.page.failed) },
          { text: t("domains.upload"), onclick: () => this.#upload(domain).catch(this.page.failed) },
          { text: t("domains.remove"), danger: true, onclick: () => this.#remove(domain).catch(this.page.failed) },
        ]),
    )
  }

  /** @param {Domain} domain */
  #pathOf({ domain }) {
    return `${this.page.path}/domains/${encodeURIComponent(domain)}`
  }

  async #add() {
    const domain = inputFor("POST /api/tenants/{id}/domains", "domain", { autocapitalize: "none", spellcheck: "false" })
    const done = await formDialog({
      title: t("domains.add_title"),
      lead: t("domains.add_lead", { address: new URL(this.tenant?.url ?? location.href).hostname }),
      fields: [field(t("domains.domain"), domain)],
      action: t("domains.add"),
      submit: async () => {
        const body = { domain: domain.value.trim() }
        const made = await staffRequest("POST", `${this.page.path}/domains`, { body })
        this.#await(made.domain, null)
      },
    })
    if (done) await this.page.done(t("domains.added"))
  }

  /** @param {Domain} domain */
  async #check(domain) {
    await staffRequest("POST", `${this.#pathOf(domain)}/check`, { body: {} })
    this.#await(domain.domain, domain.checked_at)
    await this.page.done(t("domains.checked_done"))
  }

  /** @param {Domain} domain */
  async #upload(domain) {
    const pem = { class: "input font-mono", rows: "5", spellcheck: "false" }
    const certificate = textareaFor("PUT /api/tenants/{id}/domains/{domain}/certificate", "certificate", pem)
    const key = textareaFor("PUT /api/tenants/{id}/domains/{domain}/certificate", "private_key", pem)
    const done = await formDialog({
      title: t("domains.upload_title", { domain: domain.name }),
      lead: t("domains.upload_lead"),
      fields: [field(t("domains.certificate_field"), certificate), field(t("domains.key_field"), key)],
      action: t("domains.upload"),
      submit: () =>
        staffRequest("PUT", `${this.#pathOf(domain)}/certificate`, {
          body: { certificate: certificate.value, private_key: key.value },
        }),
    })
    if (done) await this.page.done(t("domains.uploaded"))
  }

  /** @param {Domain} domain */
  async #remove(domain) {
    const done = await formDialog({
      title: t("domains.remove_title", { domain: domain.name }),
      lead: t("domains.remove_lead"),
      danger: true,
      fields: [],
      action: t("domains.remove"),
      submit: () => staffRequest("DELETE", this.#pathOf(domain)),
    })
    if (done) await this.page.done(t("domains.removed"))
  }
}
