// The fields of a tenant in one form. A plan brings its limits along, and a change of it shows its price first.

import { request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatBytes, formatMoney } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { planText } from "../lib/plans.js"
import { ifMatch, staffRequest } from "../lib/session.js"
import { FINAL_STATES } from "../lib/tenants.js"
import { copyField } from "./copy-field.js"
import { EditedForm } from "./edited-form.js"
import { showOnce } from "./once-dialog.js"
import { confirmPlan } from "./plan-change.js"
import { planOrder } from "./plan-order.js"
import { dangerousRequest } from "./step-up.js"
import { SubdomainCheck } from "./subdomain-check.js"
import { planName } from "./tenant-badges.js"
import { drawLimits } from "./tenant-limits.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/** @typedef {import("../pages/tenant_config.js").Page} Page */
/** @typedef {import("../lib/merge.js").Values} Values */

const MIB = 1024 ** 2

/** The fields in the order of the form, with the words they have in lists. */
const TITLES = {
  subdomain: t("tenants.subdomain"),
  plan: t("field.plan"),
  quantity: t("field.plan_quantity"),
  max_users: t("config.max_users"),
  storage_limit: t("config.storage_limit"),
  "resource_limits/memory_mib": t("config.memory"),
  "resource_limits/cpu_percent": t("config.cpu"),
  "resource_limits/processes": t("config.processes"),
}
const NAMES = /** @type {(keyof typeof TITLES)[]} */ (Object.keys(TITLES))
/** What one of a plan brings along, by field. @type {Record<string, (plan: import("../lib/plans.js").Plan) => number>} */
const OF_PLAN = {
  max_users: plan => plan.max_users,
  storage_limit: plan => plan.storage_limit_mib,
  "resource_limits/memory_mib": plan => plan.memory_limit_mib,
  "resource_limits/cpu_percent": plan => plan.cpu_limit_percent,
}

export class TenantForm {
  #form = byId("config-form", HTMLFormElement)
  #plan = byId("plan", HTMLSelectElement)
  #quantity = byId("quantity", HTMLInputElement)
  /** @type {import("../lib/plans.js").Plan[]} */
  #plans = []
  /** @type {TenantDetail | undefined} */
  #tenant
  #check
  #edited

  /** @param {Page} page */
  constructor(page) {
    this.page = page
    this.#check = new SubdomainCheck(
      byId("subdomain", HTMLInputElement),
      byId("subdomain-state", HTMLDivElement),
      byId("subdomain-suggestions", HTMLDivElement),
      () => this.#edited.changed(),
      name => this.#isOwn(name),
    )
    this.#edited = new EditedForm({
      form: this.#form,
      values: () => this.#values(),
      write: values => this.#write(values),
      title: name => TITLES[/** @type {keyof typeof TITLES} */ (name)],
      load: async () => this.#take(await staffRequest("GET", page.path)),
      save: change => this.#save(change),
      saved: () => page.done(t("config.saved")),
      changed: () => drawSizes(this.#values()),
    })
    this.#plan.addEventListener("change", () => this.#takePlan())
    this.#quantity.addEventListener("input", () => this.#takePlan())
  }

  /** @param {TenantDetail} tenant */
  async show(tenant) {
    drawFacts(this.page, tenant)
    drawLimits(tenant)
    this.#lock(!this.page.may || FINAL_STATES.includes(tenant.state))
    const stored = this.#take(tenant)
    await this.#showOrder().catch(this.page.failed)
    if (this.#edited.isEdited) return
    await this.#loadPlans(tenant.plan)
    this.#edited.show(stored)
  }

  /** @param {TenantDetail} tenant */
  #take(tenant) {
    this.#tenant = tenant
    return { values: valuesOf(tenant), version: tenant.version }
  }

  /** @param {string} current */
  async #loadPlans(current) {
    if (this.#plans.length === 0) {
      /** @type {import("../lib/plans.js").PriceList} */
      const list = await request("GET", "/api/plans").catch(() => ({ plans: [], address_suffix: "" }))
      this.#plans = list.plans
      setText(byId("subdomain-suffix", HTMLElement), list.address_suffix)
    }
    const known = this.#plans.some(({ id }) => id === current)
    fill(
      this.#plan,
      !known && h("option", { value: current }, planName(current)),
      ...this.#plans.map(({ id, name }) => h("option", { value: id }, name)),
    )
    this.#plan.value = current
  }

  // A plan brings its limits; they stand in the fields, so that one sees them and may still change them.
  #takePlan() {
    const plan = this.#planOf(this.#plan.value)
    const count = Number(this.#quantity.value)
    for (const [name, limit] of Object.entries(OF_PLAN))
      if (plan && count > 0) this.#control(name).value = String(count * limit(plan))
    const read = this.#tenant && valuesOf(this.#tenant)
    if (read && this.#plan.value === read.plan && this.#quantity.value === read.quantity)
      this.#write({ ...read, subdomain: this.#values().subdomain })
    this.#edited.changed()
  }

  /** @param {{ values: Values, read: Values, version: number }} change */
  async #save({ values, read, version }) {
    const tenant = /** @type {TenantDetail} */ (this.#tenant)
    const body = this.#body(values, read)
    if (body.plan || body.quantity) {
      const quantity = Number(values.quantity)
      const wanted = await confirmPlan(this.page.path, tenant, this.#planOf(values.plan), quantity)
      if (!wanted) return null
      const { moment, amount, quoted_at } = wanted
      if (moment === "period_end") {
        await staffRequest("POST", `${this.page.path}/plan-order`, { body: { plan: values.plan, quantity, amount } })
        return this.#takeLater(body.subdomain, version)
      }
      if (quoted_at) body.plan_quoted_at = quoted_at
      if (amount !== null) body.amount = amount
    }
    return this.#take(await staffRequest("PATCH", this.page.path, { body, headers: ifMatch({ version }) }))
  }

  /** The plan and its limits stay as they are until then. @param {unknown} subdomain @param {number} version */
  async #takeLater(subdomain, version) {
    await this.#showOrder()
    const { path } = this.page
    if (!subdomain) return this.#take(await staffRequest("GET", path))
    return this.#take(await staffRequest("PATCH", path, { body: { subdomain }, headers: ifMatch({ version }) }))
  }

  async #showOrder() {
    const path = `${this.page.path}/plan-order`
    const { order } = await staffRequest("GET", path)
    const takeBack = async (/** @type {HTMLElement} */ button) => {
      if (button.getAttribute("aria-disabled")) return
      button.setAttribute("aria-disabled", "true")
      try {
        await staffRequest("DELETE", path)
        const { plan = "", plan_quantity = 1 } = this.#tenant ?? {}
        await this.page.done(t("plan_order.taken_back", { plan: planText(planName(plan), plan_quantity) }))
      } catch (problem) {
        this.page.failed(problem)
      }
      await this.#showOrder().catch(this.page.failed)
    }
    fill(byId("plan-order", HTMLElement), planOrder(order, this.page.may ? takeBack : null))
  }

  /** Only what differs, and after a change of plan only what differs from that plan. @param {Values} values @param {Values} read */
  #body(values, read) {
    const isAnother = values.plan !== read.plan || values.quantity !== read.quantity
    const plan = isAnother ? this.#planOf(values.plan) : undefined
    const count = Number(values.quantity)
    /** @type {Record<string, unknown>} */
    const body = {}
    /** @type {Record<string, number>} */
    const resources = {}
    for (const name of NAMES) {
      const before = plan && OF_PLAN[name] ? String(count * OF_PLAN[name](plan)) : read[name]
      if (values[name] === before) continue
      if (name === "subdomain" || name === "plan") body[name] = values[name]
      else if (name.includes("/")) resources[name.split("/")[1]] = Number(values[name])
      else body[name] = Number(values[name])
    }
    return Object.keys(resources).length > 0 ? { ...body, resource_limits: resources } : body
  }

  /** @param {string} id */
  #planOf(id) {
    return this.#plans.find(plan => plan.id === id)
  }

  /** @returns {Values} */
  #values() {
    const values = Object.fromEntries(NAMES.map(name => [name, this.#control(name).value.trim()]))
    return { ...values, subdomain: values.subdomain.toLowerCase() }
  }

  /** @param {Values} values */
  #write(values) {
    const isRenamed = this.#values().subdomain !== values.subdomain
    for (const name of NAMES) this.#control(name).value = values[name]
    if (isRenamed) this.#check.checkSoon()
  }

  /** @param {boolean} locked */
  #lock(locked) {
    for (const name of NAMES) this.#control(name).disabled = locked
  }

  /** @param {string} name @returns {HTMLInputElement | HTMLSelectElement} */
  #control(name) {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem(name))
  }

  /** @param {string} name */
  #isOwn(name) {
    const { subdomain = "", aliases = [] } = this.#tenant ?? {}
    return [subdomain, ...aliases.map(alias => alias.subdomain)].includes(name)
  }
}

/** @param {TenantDetail} tenant @returns {Values} */
function valuesOf(tenant) {
  return {
    subdomain: tenant.subdomain,
    plan: tenant.plan,
    quantity: String(tenant.plan_quantity),
    max_users: String(tenant.max_users),
    storage_limit: String(tenant.storage_limit_mib),
    "resource_limits/memory_mib": String(tenant.memory_limit_mib),
    "resource_limits/cpu_percent": String(tenant.cpu_limit_percent),
    "resource_limits/processes": String(tenant.process_limit),
  }
}

/** @param {Values} values */
function drawSizes(values) {
  for (const [name, place] of [
    ["storage_limit", "storage_limit-size"],
    ["resource_limits/memory_mib", "memory_mib-size"],
  ]) {
    const size = Number(values[name]) * MIB
    setText(byId(place, HTMLElement), size >= 1024 * MIB ? `= ${formatBytes(size)}` : "")
  }
}

/** @param {Page} page @param {TenantDetail} tenant */
function drawFacts(page, tenant) {
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const facts = [
    [t("field.company"), tenant.company],
    [
      t("field.email"),
      h("a", { class: "inline-block py-0.5", href: `mailto:${tenant.customer_email}` }, tenant.customer_email),
    ],
    [t("tenants.mrr"), tenant.mrr ? formatMoney(tenant.mrr) : t("tenant.no_payment")],
  ]
  fill(
    byId("customer", HTMLElement),
    ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", { translate: "no" }, value)]),
  )
  const aliases = (tenant.aliases ?? []).map(({ subdomain, expires_at }) =>
    h("li", {}, t("config.alias", { name: subdomain }), " ", exactTime(expires_at)),
  )
  fill(byId("aliases", HTMLElement), aliases.length > 0 && h("ul", {}, ...aliases))
  fill(
    byId("owner-link", HTMLElement),
    page.may &&
      tenant.state === "live" &&
      h(
        "button",
        { type: "button", class: "button", onclick: () => showOwnerLink(page).catch(page.failed) },
        t("config.owner_link"),
      ),
    page.may && tenant.state === "live" && h("span", { class: "hint" }, t("config.owner_link_hint")),
  )
}

/** @param {Page} page */
async function showOwnerLink({ path }) {
  const { url } = await dangerousRequest("POST", `${path}/owner-link`)
  await showOnce({
    title: t("config.owner_link_title"),
    lead: t("config.owner_link_text"),
    content: [copyField(t("config.owner_link_label"), url)],
    kept: t("config.owner_link_done"),
  })
}
