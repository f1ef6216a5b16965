// The public page: prices from the server, the live check of the name, and the form that leads to the payment page.

import { failedCard } from "../elements/feedback.js"
import { clearErrors, showErrors } from "../elements/form-errors.js"
import { amountWithCode, comparisonTable, planCard } from "../elements/plan-choice.js"
import { startPreferences } from "../elements/preferences.js"
import { SubdomainCheck } from "../elements/subdomain-check.js"
import { ApiProblem, request } from "../lib/api.js"
import { countryOptions } from "../lib/countries.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { forgetIdempotencyKey, idempotencyKeyFor, keepDraft, readDraft } from "../lib/draft.js"
import { formatDate, formatDateTime, formatMoney } from "../lib/format.js"
import { language, t } from "../lib/messages.js"
import { amountOf, charges, monthsFree } from "../lib/plans.js"

/** @typedef {import("../lib/plans.js").PriceList} PriceList */

const FIELDS = ["company", "name", "email", "country", "subdomain"]

const form = byId("sign-up-form", HTMLFormElement)
const errors = byId("form-errors", HTMLDivElement)
const button = byId("continue", HTMLButtonElement)
const subdomain = byId("subdomain", HTMLInputElement)
const currencySelect = byId("currency", HTMLSelectElement)

/** @type {PriceList | null} */
let prices = null
/** @type {import("../elements/plan-choice.js").Choice} */
const choice = { plan: "", interval: "month", currency: "" }
let sending = false
let waitUntil = 0

startPreferences()
byId("country", HTMLSelectElement).append(...countryOptions())
const check = new SubdomainCheck(
  subdomain,
  byId("subdomain-state", HTMLDivElement),
  byId("subdomain-suggestions", HTMLDivElement),
  rememberDraft,
)
restoreDraft()
loadPlans()

form.addEventListener("submit", submit)
form.addEventListener("input", rememberDraft)
form.addEventListener("change", rememberDraft)
byId("company", HTMLInputElement).addEventListener("change", suggestName)
currencySelect.addEventListener("change", () => choose({ currency: currencySelect.value }))
for (const radio of intervalRadios()) {
  radio.addEventListener("change", () => choose({ interval: radio.value === "year" ? "year" : "month" }))
}
// Back from the payment page may bring this page out of the cache as it was left, with the button asleep.
addEventListener("pageshow", event => {
  if (event.persisted) setSending(false)
})

async function loadPlans() {
  try {
    prices = /** @type {PriceList} */ (await request("GET", "/api/plans"))
  } catch (problem) {
    const cards = byId("plan-cards", HTMLDivElement)
    cards.removeAttribute("aria-busy")
    fill(cards, failedCard(problem, loadPlans))
    return
  }
  const wanted = new URLSearchParams(location.search)
  const kept = readDraft().fields
  const first = prices.plans.find(plan => plan.featured) ?? prices.plans[0]
  choice.plan =
    oneOf(
      prices.plans.map(plan => plan.id),
      wanted.get("plan"),
      kept.plan,
    ) ??
    first?.id ??
    ""
  choice.interval = /** @type {"month" | "year"} */ (
    oneOf(["month", "year"], wanted.get("interval"), kept.interval) ?? "month"
  )
  choice.currency =
    oneOf(prices.currencies, wanted.get("currency")?.toLowerCase(), kept.currency) ?? prices.currencies[0]
  fill(currencySelect, ...prices.currencies.map(code => h("option", { value: code }, code.toUpperCase())))
  fill(byId("plan-table", HTMLDivElement), comparisonTable(prices.plans))
  setText(byId("subdomain-suffix", HTMLElement), prices.address_suffix)
  button.disabled = false
  drawPlans()
}

/** @param {string[]} allowed @param {...(string | null | undefined)} wishes */
function oneOf(allowed, ...wishes) {
  return wishes.find(wish => wish && allowed.includes(wish))
}

/** @param {Partial<typeof choice>} change */
function choose(change) {
  Object.assign(choice, change)
  const address = new URL(location.href)
  for (const [name, value] of Object.entries(choice)) address.searchParams.set(name, value)
  history.replaceState(history.state, "", address)
  rememberDraft()
  drawPlans()
}

/** @param {string} plan */
function choosePlan(plan) {
  choose({ plan })
  const title = byId("sign-up", HTMLHeadingElement)
  title.focus({ preventScroll: true })
  title.scrollIntoView()
}

function drawPlans() {
  if (!prices) return
  const { plans } = prices
  currencySelect.value = choice.currency
  for (const radio of intervalRadios()) radio.checked = radio.value === choice.interval
  const cards = byId("plan-cards", HTMLDivElement)
  cards.removeAttribute("aria-busy")
  fill(cards, ...plans.map(plan => planCard(plan, choice, choosePlan)))
  drawPlanRadios()
  const free = monthsFree(plans, choice.currency)
  setText(byId("months-free", HTMLParagraphElement), free ? t("plans.months_free", { count: free }) : "")
  const plan = plans.find(candidate => candidate.id === choice.plan)
  const amount = plan && amountOf(plan, choice.currency, choice.interval)
  if (plan && amount !== undefined && amount !== null) drawSummary(plan.name, amount)
}

function drawPlanRadios() {
  const radios = (prices?.plans ?? []).map(plan => {
    const radio = h("input", { type: "radio", name: "plan", value: plan.id, onchange: () => choose({ plan: plan.id }) })
    radio.checked = plan.id === choice.plan
    return h("label", {}, radio, h("span", {}, plan.name))
  })
  const place = byId("plan-radios", HTMLDivElement)
  if (place.childElementCount !== radios.length) fill(place, ...radios)
  for (const radio of place.querySelectorAll("input")) radio.checked = radio.value === choice.plan
}

/** @param {string} name @param {number} amount */
function drawSummary(name, amount) {
  const { currency, interval } = choice
  const { dueToday, next } = charges(amount, interval, new Date())
  const money = formatMoney({ currency, amount })
  const words = { amount: money, date: formatDate(next) }
  setText(
    byId("summary-plan", HTMLElement),
    interval === "year" ? t("summary.plan_yearly", { plan: name }) : t("summary.plan_monthly", { plan: name }),
  )
  setText(byId("summary-price", HTMLElement), money)
  setText(byId("summary-due", HTMLElement), formatMoney({ currency, amount: dueToday }))
  setText(
    byId("summary-next", HTMLParagraphElement),
    interval === "year" ? t("summary.next_yearly", words) : t("summary.next_monthly", words),
  )
  setText(button, t("sign_up.continue", { amount: amountWithCode(currency, dueToday) }))
}

function restoreDraft() {
  const { fields } = readDraft()
  for (const name of FIELDS) {
    const control = /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
    if (fields[name]) control.value = fields[name]
  }
  if (subdomain.value) check.checkSoon()
}

function rememberDraft() {
  keepDraft({ ...typed(), ...choice })
}

// A name for people who have not typed one yet, made from what they already told us.
function suggestName() {
  if (subdomain.value.trim() !== "") return
  const company = byId("company", HTMLInputElement).value
  const name = company
    .normalize("NFD")
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 40)
  if (name.length < 3) return
  subdomain.value = name.replace(/-+$/, "")
  check.checkSoon()
}

/** @returns {Record<string, string>} */
function typed() {
  const data = new FormData(form)
  return Object.fromEntries(FIELDS.map(name => [name, String(data.get(name) ?? "").trim()]))
}

/** @param {SubmitEvent} event */
async function submit(event) {
  event.preventDefault()
  if (sending || !prices || Date.now() < waitUntil) return
  const body = { ...typed(), ...choice, locale: language }
  clearErrors(errors, form)
  setSending(true)
  try {
    const headers = { "Idempotency-Key": idempotencyKeyFor(body) }
    const answer = await request("POST", "/api/checkout", { body, headers })
    location.assign(answer.checkout_url)
  } catch (problem) {
    setSending(false)
    if (!(problem instanceof ApiProblem)) throw problem
    explain(problem)
  }
}

/** @param {ApiProblem} problem */
function explain(problem) {
  if (problem.code === "stripe_unavailable") {
    forgetIdempotencyKey()
    showErrors(errors, form, problem, ...nameIsKept(problem.body))
    return
  }
  if (problem.code === "subdomain_taken") {
    problem.errors = [{ pointer: "/subdomain", code: "taken", detail: "" }]
    check.offer((problem.body.suggestions ?? []).slice(0, 3))
  }
  if (problem.status === 429) waitBeforeRetry(problem.retryAfter || 5)
  showErrors(errors, form, problem)
}

/** @param {Record<string, any>} body */
function nameIsKept(body) {
  return [
    body.name_held_until && h("p", {}, t("sign_up.name_kept", { time: formatDateTime(body.name_held_until) })),
    h("p", {}, h("button", { type: "submit", class: "button button-small", form: form.id }, t("failed.retry"))),
    body.status_url && h("p", {}, h("a", { href: body.status_url }, t("sign_up.keep_link"))),
  ]
}

/** @param {number} seconds */
function waitBeforeRetry(seconds) {
  waitUntil = Date.now() + seconds * 1000
  const words = button.textContent ?? ""
  button.setAttribute("aria-disabled", "true")
  const timer = setInterval(() => {
    const left = Math.ceil((waitUntil - Date.now()) / 1000)
    if (left > 0) setText(button, t("sign_up.wait", { seconds: left }))
    else {
      clearInterval(timer)
      button.removeAttribute("aria-disabled")
      setText(button, words)
    }
  }, 250)
}

/** @param {boolean} now */
function setSending(now) {
  sending = now
  if (now) {
    button.setAttribute("aria-disabled", "true")
    setText(button, t("sign_up.sending"))
  } else {
    button.removeAttribute("aria-disabled")
    drawPlans()
  }
}

function intervalRadios() {
  return /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll('input[name="interval"]'))
}
