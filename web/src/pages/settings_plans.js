// Plans and their prices: what is offered, and changing it for whoever chooses it from then on.

import { sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor, selectFor, values } from "../elements/form-dialog.js"
import { minorOf } from "../elements/refund-dialog.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { decimals, formatBytes, formatMoney, formatNumber, minorUnits } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { amountOf } from "../lib/plans.js"
import { ifMatch, staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/plans.js").Price} Price */
/** @typedef {import("../lib/plans.js").Interval} Interval */
/** @typedef {import("../lib/plans.js").Plan & { position: number, for_sale: boolean, version: number, tenants: number }} Plan */

const PATH = "/api/settings/plans"
const MIB = 1024 ** 2
const INTERVALS = /** @type {Interval[]} */ (["month", "year"])

let may = false
/** @type {Plan[]} */
let plans = []

startConsole().then(
  user => {
    may = user.scopes.includes("settings:write")
    byId("new-plan", HTMLButtonElement).addEventListener("click", () => edit(null))
    return load()
  },
  () => {},
)

async function load() {
  const waiting = byId("waiting", HTMLElement)
  try {
    plans = (await staffRequest("GET", PATH)).data
    fill(byId("problem", HTMLElement))
    fill(
      byId("plans", HTMLElement),
      ...(plans.length > 0 ? plans.map(planCard) : [h("p", { class: "text-soft" }, t("plans_page.nothing"))]),
    )
  } catch (problem) {
    fill(byId("problem", HTMLElement), failedCard(problem, load))
  }
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

/** @param {Plan} plan */
function planCard(plan) {
  const title = `plan-${plan.id}`
  return h(
    "article",
    { class: "card", "aria-labelledby": title },
    h(
      "div",
      { class: "card-head flex-wrap" },
      h("h2", { id: title, class: "wrap-anywhere", translate: "no" }, plan.name),
      h(
        "span",
        { class: `badge ${plan.for_sale ? "tone-positive" : ""}` },
        plan.for_sale ? t("plans_page.for_sale") : t("plans_page.not_for_sale"),
      ),
    ),
    h(
      "div",
      { class: "card-body grid gap-4" },
      h("dl", { class: "facts numbers" }, ...facts(plan)),
      may &&
        h(
          "p",
          { class: "screen-only" },
          h(
            "button",
            { type: "button", class: "button", onclick: () => edit(plan) },
            t("plans_page.edit"),
            h("span", { class: "sr-only" }, ` ${plan.name}`),
          ),
        ),
    ),
  )
}

/** @param {Plan} plan */
function facts(plan) {
  /** @type {[string, import("../lib/dom.js").Child][]} */
  const all = [
    [
      t("plans_page.prices"),
      h(
        "ul",
        {},
        ...plan.prices.map(({ currency, interval, unit_amount: amount }) =>
          h("li", {}, `${formatMoney({ currency, amount })} ${perInterval(interval)}`),
        ),
      ),
    ],
    [
      t("plans_page.limits"),
      h(
        "ul",
        {},
        h("li", {}, t("plans.users", { count: plan.max_users })),
        h("li", {}, t("plans.storage", { size: formatBytes(plan.storage_limit_mib * MIB) })),
        h("li", {}, `${t("config.memory")}: ${formatBytes(plan.memory_limit_mib * MIB)}`),
        h("li", {}, `${t("config.cpu")}: ${formatNumber(plan.cpu_limit_percent)} %`),
      ),
    ],
    [
      t("plans_page.trial"),
      plan.trial_days > 0 ? t("plans_page.days", { count: plan.trial_days }) : t("plans_page.no_trial"),
    ],
    [t("plans_page.support"), label("support", plan.support)],
    [
      t("plans_page.tenants"),
      h(
        "a",
        { class: "inline-block min-w-6 py-0.5", href: `/admin/tenants?plan=${encodeURIComponent(plan.id)}` },
        formatNumber(plan.tenants),
      ),
    ],
  ]
  return all.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])
}

/** @param {Interval} interval */
const perInterval = interval => (interval === "year" ? t("plans_page.year") : t("plans_page.month"))

/** @param {Plan | null} plan null: a new one */
async function edit(plan) {
  const currencies = [...new Set(plans.flatMap(({ prices }) => prices.map(({ currency }) => currency)))].sort()
  const prices = h("div", { class: "grid gap-5 sm:grid-cols-2" }, ...currencies.flatMap(one => pricesIn(one, plan)))
  const id = inputFor("POST /api/settings/plans", "id", { autocapitalize: "none", spellcheck: "false" })
  const number = { inputmode: "numeric" }
  let name = ""
  const isDone = await formDialog({
    title: plan ? t("plans_page.edit_title", { plan: plan.name }) : t("plans_page.new"),
    lead: plan ? t("plans_page.kept", { count: plan.tenants }) : t("plans_page.new_lead"),
    fields: [
      !plan && field(t("plans_page.id"), id, h("p", { class: "hint" }, t("plans_page.id_hint"))),
      h(
        "div",
        { class: "grid gap-5 sm:grid-cols-2" },
        field(t("plans_page.name"), inputFor("PUT /api/settings/plans/{id}", "name", { value: plan?.name ?? "" })),
        field(
          t("plans_page.position"),
          inputFor("PUT /api/settings/plans/{id}", "position", {
            value: plan?.position ?? plans.length + 1,
            ...number,
          }),
          h("p", { class: "hint" }, t("plans_page.position_hint")),
        ),
        field(
          t("config.max_users"),
          inputFor("PUT /api/settings/plans/{id}", "max_users", { value: plan?.max_users ?? "", ...number }),
        ),
        field(
          t("plans_page.storage"),
          inputFor("PUT /api/settings/plans/{id}", "storage_limit_mib", {
            value: plan?.storage_limit_mib ?? "",
            ...number,
          }),
        ),
        field(
          t("plans_page.memory"),
          inputFor("PUT /api/settings/plans/{id}", "memory_limit_mib", {
            value: plan?.memory_limit_mib ?? "",
            ...number,
          }),
        ),
        field(
          t("plans_page.cpu"),
          inputFor("PUT /api/settings/plans/{id}", "cpu_limit_percent", {
            value: plan?.cpu_limit_percent ?? "",
            ...number,
          }),
        ),
        field(
          t("plans_page.trial_days"),
          inputFor("PUT /api/settings/plans/{id}", "trial_days", { value: plan?.trial_days ?? 0, ...number }),
          h("p", { class: "hint" }, t("plans_page.trial_hint")),
        ),
        field(
          t("plans_page.support"),
          selectFor("PUT /api/settings/plans/{id}", "support", support => label("support", support), {
            chosen: plan?.support,
          }),
        ),
      ),
      h(
        "fieldset",
        { class: "grid gap-3" },
        h("legend", { class: "mb-1 font-medium" }, t("plans_page.prices")),
        h("p", { class: "hint" }, t("plans_page.price_hint")),
        prices,
        moreCurrency(prices),
      ),
      h(
        "fieldset",
        { class: "grid gap-2" },
        h("legend", { class: "mb-1 font-medium" }, t("plans_page.offer")),
        box("for_sale", t("plans_page.is_for_sale"), plan?.for_sale ?? true),
        box("featured", t("plans_page.featured"), plan?.featured ?? false),
      ),
    ],
    action: t("plans_page.save"),
    submit: async form => {
      const body = { ...contentOf(form), ...(plan ? {} : { id: values(form).id }) }
      const saved = plan
        ? await staffRequest("PUT", `${PATH}/${encodeURIComponent(plan.id)}`, { body, headers: ifMatch(plan) })
        : await staffRequest("POST", PATH, { body })
      name = saved.name
    },
  })
  if (!isDone) return
  await load()
  sayOnPage(notice("positive", t("plans_page.saved", { plan: name })))
}

/** @param {string} name @param {string} words @param {boolean} checked */
const box = (name, words, checked) =>
  h(
    "label",
    { class: "flex min-h-6 items-center gap-2" },
    h("input", { type: "checkbox", name, checked, class: "size-6 flex-none" }),
    h("span", {}, words),
  )

/** What it costs in a currency, by the month and by the year. @param {string} currency @param {Plan | null} plan */
function pricesIn(currency, plan) {
  return INTERVALS.map(interval => {
    const amount = plan && amountOf(plan, currency, interval)
    const value = amount ? (amount / minorUnits(currency)).toFixed(decimals(currency)) : ""
    const words = t("plans_page.price_of", { currency: currency.toUpperCase(), interval: perInterval(interval) })
    return field(
      words,
      h("input", {
        class: "input numbers",
        name: `price ${currency} ${interval}`,
        "data-price": `${currency} ${interval}`,
        inputmode: "decimal",
        autocomplete: "off",
        maxlength: 14,
        value,
      }),
    )
  })
}

/** Fields for the prices in one more currency, as soon as its code is typed. @param {HTMLElement} prices */
function moreCurrency(prices) {
  const input = h("input", {
    class: "input",
    name: "currency",
    maxlength: 3,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    onchange: () => {
      const code = input.value.trim().toLowerCase()
      if (!/^[a-z]{3}$/.test(code) || prices.querySelector(`[data-price="${code} month"]`)) return
      prices.append(...pricesIn(code, null))
      input.value = ""
    },
  })
  return field(t("plans_page.more_currency"), input, h("p", { class: "hint" }, t("plans_page.more_currency_hint")))
}

/** @param {HTMLFormElement} form */
function contentOf(form) {
  const given = values(form)
  const whole = (/** @type {string} */ name) => (/^\d+$/.test(given[name]) ? Number(given[name]) : null)
  const inputs = /** @type {HTMLInputElement[]} */ ([...form.querySelectorAll("[data-price]")])
  const prices = inputs
    .filter(input => input.value.trim() !== "")
    .map(input => {
      const [currency, interval] = (input.dataset.price ?? "").split(" ")
      const amount = minorOf(input.value, currency)
      if (amount === 0)
        throw new ApiProblem(422, {
          code: "validation_failed",
          errors: [{ pointer: `/${input.name}`, code: "not_an_amount" }],
        })
      return { currency, interval, unit_amount: amount }
    })
  return {
    name: given.name,
    position: whole("position"),
    max_users: whole("max_users"),
    storage_limit_mib: whole("storage_limit_mib"),
    memory_limit_mib: whole("memory_limit_mib"),
    cpu_limit_percent: whole("cpu_limit_percent"),
    trial_days: whole("trial_days"),
    support: given.support,
    featured: given.featured !== undefined,
    for_sale: given.for_sale !== undefined,
    prices,
  }
}
