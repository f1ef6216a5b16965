// Addresses of the customer's own: whether their DNS leads here, said in words, and how long the certificate is good.

import { ApiProblem } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatDate } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { field, formDialog } from "./form-dialog.js"
import { rowMenu } from "./row-menu.js"
import { timeText } from "./time-text.js"

/**
 * @typedef {{ domain: string, state: string, diagnosis: string | null, issuer: string | null, not_after: string | null,
 *             checked_at: string | null }} Domain
 */

export class TenantDomains {
  /** @type {import("../lib/tenants.js").TenantDetail | undefined} */
  tenant
  #drawn = ""

  /** @param {import("../pages/tenant_config.js").Page} page */
  constructor(page) {
    this.page = page
  }

  // A platform without domains of customers has no such list, and then the section is not there.
  async load() {
    try {
      /** @type {{ data: Domain[] }} */
      const { data } = await staffRequest("GET", `${this.page.path}/domains`)
      byId("domains", HTMLElement).hidden = false
      byId("domains-link", HTMLElement).hidden = false
      this.#draw(data)
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || problem.status !== 404) throw problem
    }
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
          h("span", { class: "min-w-0 font-medium wrap-anywhere", translate: "no" }, domain.domain),
          h("status-badge", { kind: "domain", value: domain.state }),
        ),
        domain.diagnosis && h("p", { class: "text-sm wrap-anywhere", translate: "no" }, domain.diagnosis),
        domain.not_after &&
          h(
            "p",
            { class: "text-sm text-soft" },
            t("domains.certificate", { issuer: domain.issuer ?? "–", date: formatDate(new Date(domain.not_after)) }),
          ),
        domain.checked_at &&
          h("p", { class: "text-sm text-soft" }, t("domains.checked"), " ", timeText(domain.checked_at)),
      ),
      this.page.may &&
        rowMenu(t("menu.actions_for", { name: domain.domain }), [
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
    const domain = h("input", {
      class: "input",
      name: "domain",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "253",
    })
    const done = await formDialog({
      title: t("domains.add_title"),
      lead: t("domains.add_lead", { address: (this.tenant?.url ?? "").replace(/^https?:\/\//, "") }),
      fields: [field(t("domains.domain"), domain)],
      action: t("domains.add"),
      submit: () =>
        staffRequest("POST", `${this.page.path}/domains`, { body: { domain: domain.value.trim().toLowerCase() } }),
    })
    if (done) await this.page.done(t("domains.added"))
  }

  /** @param {Domain} domain */
  async #check(domain) {
    await staffRequest("POST", `${this.#pathOf(domain)}/check`)
    await this.page.done(t("domains.checked_done"))
  }

  /** @param {Domain} domain */
  async #upload(domain) {
    const certificate = h("textarea", { class: "input font-mono", name: "certificate", rows: "5", spellcheck: "false" })
    const key = h("textarea", {
      class: "input font-mono",
      name: "private_key",
      rows: "5",
      spellcheck: "false",
      autocomplete: "off",
    })
    const done = await formDialog({
      title: t("domains.upload_title", { domain: domain.domain }),
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
      title: t("domains.remove_title", { domain: domain.domain }),
      lead: t("domains.remove_lead"),
      danger: true,
      fields: [],
      action: t("domains.remove"),
      submit: () => staffRequest("DELETE", this.#pathOf(domain)),
    })
    if (done) await this.page.done(t("domains.removed"))
  }
}
