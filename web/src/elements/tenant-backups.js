// The backups of a tenant: what each is worth (stored, verified, restored for a test), and everything that can be done
// with it.

import { mdiCheckCircle } from "@mdi/js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatAge, formatBytes, formatFullDateTime } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { FINAL_STATES } from "../lib/tenants.js"
import { newTenantFrom } from "./copy-dialog.js"
import { emptyCard } from "./feedback.js"
import { rowMenu } from "./row-menu.js"
import { severeDialog } from "./severe-dialog.js"
import { dangerousRequest } from "./step-up.js"
import { exactTime, timeText } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").Backup} Backup */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */

const ROWS = 20
const GOOD = ["stored", "verified"]

export class TenantBackups {
  #more = byId("more-backups", HTMLButtonElement)
  /** @type {Backup[]} */
  #rows = []
  /** @type {string | null} */
  #cursor = null
  #drawn = ""
  /** @type {TenantDetail | undefined} */
  tenant

  /** @param {import("../pages/tenant_config.js").Page} page */
  constructor(page) {
    this.page = page
    this.#more.addEventListener("click", () => this.#loadOlder().catch(page.failed))
  }

  get isWorking() {
    return this.#rows.some(({ state }) => state === "running")
  }

  async load() {
    const answer = await this.#ask("")
    const oldest = answer.data.at(-1)?.id
    const after = this.#rows.findIndex(({ id }) => id === oldest)
    const older = after < 0 ? [] : this.#rows.slice(after + 1)
    this.#rows = [...answer.data, ...older]
    if (older.length === 0) this.#cursor = answer.has_more ? answer.next_cursor : null
    this.#draw()
  }

  async #loadOlder() {
    const answer = await this.#ask(`&cursor=${encodeURIComponent(this.#cursor ?? "")}`)
    this.#rows = [...this.#rows, ...answer.data]
    this.#cursor = answer.has_more ? answer.next_cursor : null
    this.#draw()
  }

  /** @param {string} more @returns {Promise<import("../lib/tenants.js").Page<Backup>>} */
  #ask(more) {
    return staffRequest("GET", `${this.page.path}/backups?limit=${ROWS}${more}`)
  }

  #draw() {
    const { tenant, page } = this
    if (!tenant) return
    this.#more.hidden = this.#cursor === null
    const fingerprint = JSON.stringify([this.#rows, tenant.state])
    if (fingerprint === this.#drawn) return
    this.#drawn = fingerprint
    fill(byId("backups-action", HTMLElement), page.may && tenant.state === "live" && this.#makeButton())
    const newest = this.#rows.find(({ state }) => GOOD.includes(state))
    const summary = newest ? t("backups.newest", { age: formatAge(newest.started_at) }) : t("backups.no_good")
    setText(byId("backups-summary", HTMLElement), this.#rows.length > 0 ? summary : "")
    fill(
      byId("backups-body", HTMLElement),
      this.#rows.length > 0 ? this.#table(tenant) : emptyCard(t("backups.none"), t("backups.none_text")),
    )
  }

  #makeButton() {
    const make = async () => {
      await staffRequest("POST", `${this.page.path}/backups`)
      await this.page.done(t("backups.begun"))
    }
    const button = h(
      "button",
      {
        type: "button",
        class: "button button-small",
        id: "make-backup",
        onclick: () => make().catch(this.page.failed),
      },
      t("backups.make"),
    )
    return button
  }

  /** @param {TenantDetail} tenant */
  #table(tenant) {
    const columns = [
      t("backups.made"),
      t("backups.state"),
      t("backups.size"),
      t("backups.tested"),
      t("backups.expires"),
    ]
    return h(
      "div",
      { class: "scroller", tabindex: "0", role: "region", "aria-label": t("backups.table") },
      h(
        "table",
        { class: "table" },
        h("caption", { class: "sr-only" }, t("config.backups")),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...columns.map((title, index) =>
              h("th", { scope: "col", class: index === 0 ? "sticky-column" : index === 2 && "align-end" }, title),
            ),
            h(
              "th",
              { scope: "col", class: "menu-column screen-only" },
              h("span", { class: "sr-only" }, t("menu.actions")),
            ),
          ),
        ),
        h("tbody", {}, ...this.#rows.map(backup => this.#row(tenant, backup))),
      ),
    )
  }

  /** @param {TenantDetail} tenant @param {Backup} backup */
  #row(tenant, backup) {
    return h(
      "tr",
      { "data-backup": backup.id },
      h(
        "th",
        { scope: "row", class: "sticky-column" },
        h("span", { class: "block" }, timeText(backup.started_at)),
        h("span", { class: "block text-sm font-normal text-soft" }, label("backup_reason", backup.reason)),
      ),
      h(
        "td",
        {},
        h("status-badge", { kind: "backup", value: backup.state }),
        backup.error_code &&
          h(
            "span",
            { class: "mt-1 block max-w-72 text-sm whitespace-normal text-soft" },
            label("operation_problem", backup.error_code, t("operation_problem.other")),
            " ",
            h("code", {}, backup.error_code),
          ),
      ),
      h("td", { class: "align-end" }, backup.size_bytes === null ? "–" : formatBytes(backup.size_bytes)),
      h(
        "td",
        {},
        backup.tested_at
          ? h(
              "span",
              { class: "inline-flex items-center gap-1.5 text-positive" },
              icon(mdiCheckCircle),
              timeText(backup.tested_at),
            )
          : "–",
      ),
      h("td", {}, backup.expires_at ? exactTime(backup.expires_at) : "–"),
      h("td", { class: "menu-column screen-only" }, this.#menu(tenant, backup)),
    )
  }

  /** @param {TenantDetail} tenant @param {Backup} backup */
  #menu(tenant, backup) {
    const { page } = this
    const good = GOOD.includes(backup.state)
    const gone = FINAL_STATES.includes(tenant.state)
    if (!page.may || backup.state === "running" || backup.state === "deleted") return null
    /** @param {() => Promise<unknown>} act */
    const attempt = act => () => act().catch(page.failed)
    return rowMenu(t("menu.actions_for", { name: formatFullDateTime(backup.started_at) }), [
      good && { text: t("backups.verify"), onclick: attempt(() => this.#verify(backup)) },
      good && { text: t("backups.download"), onclick: attempt(() => this.#download(backup)) },
      good && { text: t("backups.restore_into"), onclick: attempt(() => this.#restoreInto(tenant, backup)) },
      good &&
        !gone && { text: t("backups.restore"), danger: true, onclick: attempt(() => this.#restore(tenant, backup)) },
      { text: t("backups.delete"), danger: true, onclick: attempt(() => this.#delete(tenant, backup)) },
    ])
  }

  /** @param {Backup} backup */
  #pathOf(backup) {
    return `${this.page.path}/backups/${encodeURIComponent(backup.id)}`
  }

  /** @param {Backup} backup */
  async #verify(backup) {
    await staffRequest("POST", `${this.#pathOf(backup)}/verify`)
    await this.page.done(t("backups.verify_done"))
  }

  /** @param {Backup} backup */
  async #download(backup) {
    await staffRequest("GET", "/api/admin/me") // a request of ours first: it renews the session, which a download cannot
    location.assign(`${this.#pathOf(backup)}/download`)
  }

  /** @param {TenantDetail} tenant @param {Backup} backup */
  async #restore(tenant, backup) {
    const time = formatFullDateTime(backup.started_at)
    const done = await severeDialog({
      title: t("backups.restore_title", { name: tenant.subdomain, time }),
      name: tenant.subdomain,
      lead: t("severe.lead_back"),
      consequences: [t("backups.restore_lost", { time }), t("backups.restore_away"), t("backups.restore_safety")],
      action: t("backups.restore_action", { name: tenant.subdomain }),
      submit: () =>
        dangerousRequest("POST", `${this.#pathOf(backup)}/restore`, { body: { confirm: tenant.subdomain } }),
    })
    if (done) await this.page.done(t("backups.restore_begun"))
  }

  /** @param {TenantDetail} tenant @param {Backup} backup */
  async #restoreInto(tenant, backup) {
    await newTenantFrom({
      title: t("backups.restore_into_title", { time: formatFullDateTime(backup.started_at) }),
      lead: t("backups.restore_into_lead", { name: tenant.subdomain }),
      action: t("backups.restore_into_action"),
      send: body => staffRequest("POST", `${this.#pathOf(backup)}/restore-into`, { body }),
    })
  }

  /** @param {TenantDetail} tenant @param {Backup} backup */
  async #delete(tenant, backup) {
    const done = await severeDialog({
      title: t("backups.delete_title", { time: formatFullDateTime(backup.started_at) }),
      name: tenant.subdomain,
      consequences: [t("backups.delete_lost")],
      action: t("backups.delete"),
      submit: () => dangerousRequest("DELETE", this.#pathOf(backup)),
    })
    if (done) await this.page.done(t("backups.deleted"))
  }
}
