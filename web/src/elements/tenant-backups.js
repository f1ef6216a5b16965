// The backups of a tenant: what each is worth (stored, verified, restored for a test), and everything that can be done
// with it.

import { mdiCheckCircle } from "@mdi/js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatAge, formatBytes, formatFullDateTime } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { FINAL_STATES } from "../lib/tenants.js"
import { DataTable } from "./data-table/data-table.js"
import { newTenantFrom } from "./new-tenant-dialog.js"
import { rowMenu } from "./row-menu.js"
import { severeDialog } from "./severe-dialog.js"
import { dangerousRequest } from "./step-up.js"
import { exactTime, timeText } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").Backup} Backup */
/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */

const GOOD = ["stored", "verified"]

export class TenantBackups {
  #table = byId("backups-table", DataTable)
  /** @type {Backup[]} */
  #rows = []
  #drawnFor = ""
  /** @type {TenantDetail | undefined} */
  tenant

  /** @param {import("../pages/tenant_config.js").Page} page */
  constructor(page) {
    this.page = page
  }

  get isWorking() {
    return this.#rows.some(({ state }) => state === "running")
  }

  // What can be done with a backup follows the tenant's state.
  async load() {
    const state = this.tenant?.state ?? ""
    if (this.#drawnFor === "") await this.#table.start(this.#declaration())
    else if (this.#drawnFor === state) await this.#table.look()
    else await this.#table.reload()
    this.#drawnFor = state
    fill(byId("backups-action", HTMLElement), this.page.may && state === "live" && this.#makeButton())
  }

  /** @returns {import("./data-table/data-table.js").Table<Backup>} */
  #declaration() {
    return {
      embedded: true,
      path: `${this.page.path}/backups`,
      title: t("backups.table"),
      heads: id => label("column.backups", id),
      order: "-id",
      columns: [
        {
          id: "started_at",
          cell: ({ started_at: time, reason }) => [
            h("span", { class: "block" }, timeText(time)),
            h("span", { class: "block text-sm font-normal text-soft" }, label("backup_reason", reason)),
          ],
        },
        { id: "state", first: true, cell: stateCell },
        { id: "size_bytes", numeric: true, cell: ({ size_bytes: size }) => size !== null && formatBytes(size) },
        { id: "tested_at", cell: testedCell },
        { id: "expires_at", cell: ({ expires_at: time }) => time && exactTime(time) },
      ],
      actions: backup => this.#menu(backup),
      none: { title: t("backups.none"), text: t("backups.none_text") },
      drawn: rows => {
        this.#rows = rows
        const newest = rows.find(({ state }) => GOOD.includes(state))
        const summary = newest ? t("backups.newest", { age: formatAge(newest.started_at) }) : t("backups.no_good")
        setText(byId("backups-summary", HTMLElement), rows.length > 0 ? summary : "")
      },
    }
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

  /** @param {Backup} backup */
  #menu(backup) {
    const { page } = this
    const tenant = /** @type {TenantDetail} */ (this.tenant)
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

/** @param {Backup} backup */
const stateCell = ({ state, error_code: error }) => [
  h("status-badge", { kind: "backup", value: state }),
  error &&
    h(
      "span",
      { class: "mt-1 block max-w-72 text-sm whitespace-normal text-soft" },
      label("failure", error, t("failure.other")),
      " ",
      h("code", {}, error),
    ),
]

/** @param {Backup} backup */
const testedCell = ({ tested_at: time }) =>
  time && h("span", { class: "inline-flex items-center gap-1.5 text-positive" }, icon(mdiCheckCircle), timeText(time))
