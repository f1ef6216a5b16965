// The fields of a tenant: what was changed is listed in a bar until it is saved or discarded; a change of plan shows its
// price first; and when somebody else was faster, both values stand side by side.

import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { formatBytes, formatMoney } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { FINAL_STATES, ifMatch } from "../lib/tenants.js"
import { copyField } from "./copy-field.js"
import { formDialog } from "./form-dialog.js"
import { clearErrors, showErrors } from "./form-errors.js"
import { showOnce } from "./once-dialog.js"
import { confirmPlan } from "./plan-change.js"
import { dangerousRequest } from "./step-up.js"
import { SubdomainCheck } from "./subdomain-check.js"
import { planName } from "./tenant-badges.js"
import { drawLimits } from "./tenant-limits.js"
import { exactTime } from "./time-text.js"

/** @typedef {import("../lib/tenants.js").TenantDetail} TenantDetail */
/** @typedef {import("../pages/tenant_config.js").Page} Page */
/** @typedef {Record<string, string>} Values what stands in the fields, by name */

const MIB = 1024 ** 2

/** The fields in the order of the form, with the words they have in lists. */
const TITLES = {
  subdomain: t("tenants.subdomain"),
  plan: t("tenants.plan"),
  max_users: t("config.max_users"),
  storage_limit: t("config.storage_limit"),
  "resource_limits/memory_mib": t("config.memory"),
  "resource_limits/cpu_percent": t("config.cpu"),
  "resource_limits/processes": t("config.processes"),
}
const NAMES = /** @type {(keyof typeof TITLES)[]} */ (Object.keys(TITLES))
/** What a plan brings along, by field. @type {Record<string, (plan: import("../lib/plans.js").Plan) => number>} */
const OF_PLAN = {
  max_users: plan => plan.max_users,
  storage_limit: plan => plan.storage_limit_mib,
  "resource_limits/memory_mib": plan => plan.memory_limit_mib,
  "resource_limits/cpu_percent": plan => plan.cpu_limit_percent,
}

export class TenantForm {
  #form = byId("config-form", HTMLFormElement)
  #errors = byId("form-errors", HTMLDivElement)
  #save = byId("save", HTMLButtonElement)
  #plan = byId("plan", HTMLSelectElement)
  /** @type {import("../lib/plans.js").Plan[]} */
  #plans = []
  /** @type {TenantDetail | undefined} */
  #tenant
  /** What was read; the difference to it is what will be sent. @type {Values} */
  #read = {}
  #check
  #summary = h("summary", { class: "min-h-6 cursor-pointer font-semibold" })
  // Where room is short, the changes are one step away.
  #details = h("details", { open: matchMedia("(min-width: 40rem)").matches }, this.#summary)

  /** @param {Page} page */
  constructor(page) {
    this.page = page
    this.#check = new SubdomainCheck(
      byId("subdomain", HTMLInputElement),
      byId("subdomain-state", HTMLDivElement),
      byId("subdomain-suggestions", HTMLDivElement),
      () => this.#changed(),
      name => this.#isOwn(name),
    )
    fill(byId("changes", HTMLElement), this.#details)
    this.#form.addEventListener("input", () => this.#changed())
    this.#form.addEventListener("submit", event => {
      event.preventDefault()
      this.#submit()
    })
    this.#plan.addEventListener("change", () => this.#takePlan())
    byId("discard", HTMLButtonElement).addEventListener("click", () => this.#discard())
    addEventListener("beforeunload", event => {
      if (this.#differences().length > 0) event.preventDefault()
    })
  }

  /** @param {TenantDetail} tenant */
  async show(tenant) {
    const edited = this.#tenant ? this.#differences() : []
    this.#tenant = tenant
    drawFacts(this.page, tenant)
    drawLimits(tenant)
    this.#lock(!this.page.may || FINAL_STATES.includes(tenant.state))
    // Work on the fields is never overwritten: the next save is told that it comes from an older version.
    if (edited.length > 0) return
    this.#read = valuesOf(tenant)
    this.#version = tenant.version
    this.#write(this.#read)
    await this.#loadPlans()
  }

  #version = 0

  async #loadPlans() {
    if (this.#plans.length === 0) {
      /** @type {import("../lib/plans.js").PriceList} */
      const list = await request("GET", "/api/plans").catch(() => ({ plans: [], address_suffix: "" }))
      this.#plans = list.plans
      setText(byId("subdomain-suffix", HTMLElement), list.address_suffix)
    }
    const current = this.#read.plan
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
    const plan = this.#plans.find(({ id }) => id === this.#plan.value)
    for (const [name, limit] of Object.entries(OF_PLAN)) if (plan) this.#control(name).value = String(limit(plan))
    if (this.#plan.value === this.#read.plan) this.#write({ ...this.#read, subdomain: this.#values().subdomain })
    this.#changed()
  }

  #changed() {
    const differences = this.#differences()
    drawSizes(this.#values())
    byId("save-bar", HTMLElement).hidden = differences.length === 0
    const list = h("ul", { class: "text-sm text-soft" }, ...differences.map(name => this.#change(name)))
    fill(this.#summary, t("config.unsaved", { count: differences.length }))
    fill(this.#details, this.#summary, list)
  }

  /** @param {keyof typeof TITLES} name */
  #change(name) {
    const text = t("config.change", { field: TITLES[name], before: this.#read[name], after: this.#values()[name] })
    return h("li", { class: "wrap-anywhere" }, text)
  }

  #discard() {
    this.#write(this.#read)
    clearErrors(this.#errors, this.#form)
    this.#check.checkSoon()
    this.#changed()
    byId("page-heading", HTMLElement).focus()
    // What came in while the fields were being worked on is shown now.
    if (this.#tenant) this.show(this.#tenant)
  }

  async #submit() {
    if (!this.#tenant || this.#save.getAttribute("aria-disabled")) return
    clearErrors(this.#errors, this.#form)
    const body = this.#body()
    if (Object.keys(body).length === 0) return
    this.#save.setAttribute("aria-disabled", "true")
    try {
      if (body.plan && !(await confirmPlan(this.page.path, this.#tenant, this.#planOf(String(body.plan))))) return
      const headers = ifMatch({ version: this.#version })
      const saved = await staffRequest("PATCH", this.page.path, { body, headers })
      this.#read = this.#values()
      this.#changed()
      this.show(saved)
      await this.page.done(t("config.saved"))
      byId("page-heading", HTMLElement).focus()
    } catch (problem) {
      await this.#explain(problem)
    } finally {
      this.#save.removeAttribute("aria-disabled")
    }
  }

  /** @param {unknown} problem */
  async #explain(problem) {
    if (!(problem instanceof ApiProblem)) throw problem
    this.#save.removeAttribute("aria-disabled")
    if (problem.status === 412) return this.#merge()
    if (problem.code === "subdomain_taken") problem.errors = [{ pointer: "/subdomain", code: "taken" }]
    showErrors(this.#errors, this.#form, problem)
  }

  // Somebody else has saved meanwhile: for each field that differs now, one of the two values is chosen.
  async #merge() {
    /** @type {TenantDetail} */
    const now = await staffRequest("GET", this.page.path)
    const theirs = valuesOf(now)
    const mine = this.#values()
    const edited = this.#differences()
    const conflicts = edited.filter(name => theirs[name] !== this.#read[name] && theirs[name] !== mine[name])
    const form = await mergeDialog(conflicts, this.#read, theirs, mine)
    if (!form) return
    const kept = Object.fromEntries(
      NAMES.map(name => [name, edited.includes(name) && form.get(name) !== "theirs" ? mine[name] : theirs[name]]),
    )
    this.#tenant = now
    this.#read = theirs
    this.#version = now.version
    this.#write(kept)
    if (this.#differences().length > 0) await this.#submit()
  }

  /** Only what differs, and after a change of plan only what differs from that plan. */
  #body() {
    const values = this.#values()
    const plan = values.plan !== this.#read.plan ? this.#planOf(values.plan) : undefined
    /** @type {Record<string, unknown>} */
    const body = {}
    /** @type {Record<string, number>} */
    const resources = {}
    for (const name of NAMES) {
      const before = plan && OF_PLAN[name] ? String(OF_PLAN[name](plan)) : this.#read[name]
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

  #differences() {
    const values = this.#values()
    return NAMES.filter(name => values[name] !== this.#read[name])
  }

  /** @returns {Values} */
  #values() {
    const values = Object.fromEntries(NAMES.map(name => [name, this.#control(name).value.trim()]))
    return { ...values, subdomain: values.subdomain.toLowerCase() }
  }

  /** @param {Values} values */
  #write(values) {
    for (const name of NAMES) this.#control(name).value = values[name]
    drawSizes(values)
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
    [t("tenants.company"), tenant.company],
    [
      t("tenant.email"),
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

/**
 * @param {(keyof typeof TITLES)[]} conflicts @param {Values} before @param {Values} theirs @param {Values} mine
 * @returns {Promise<FormData | null>} "mine" or "theirs" by field
 */
async function mergeDialog(conflicts, before, theirs, mine) {
  /** @type {FormData | null} */
  let chosen = null
  await formDialog({
    title: t("config.merge_title"),
    lead: conflicts.length > 0 ? t("config.merge_lead") : t("config.merge_none"),
    fields: conflicts.map(name =>
      h(
        "fieldset",
        { class: "grid gap-2" },
        h("legend", { class: "font-semibold" }, TITLES[name]),
        h("p", { class: "hint" }, t("config.merge_before", { value: before[name] })),
        choice(name, "theirs", t("config.merge_theirs", { value: theirs[name] }), false),
        choice(name, "mine", t("config.merge_mine", { value: mine[name] }), true),
      ),
    ),
    action: t("config.merge_save"),
    submit: async form => {
      chosen = new FormData(form)
    },
  })
  return chosen
}

/** @param {string} name @param {string} value @param {string} text @param {boolean} checked */
function choice(name, value, text, checked) {
  return h(
    "label",
    { class: "flex min-h-6 items-start gap-2" },
    h("input", { type: "radio", class: "size-6 flex-none", name, value, checked }),
    h("span", { class: "wrap-anywhere" }, text),
  )
}
