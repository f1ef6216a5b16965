// The public page: prices from the server, the live check of the name, and the form that leads to the payment page. Who
// has begun already changes what was begun; while nobody can sign up the page says so and takes an address instead.

import { failedCard } from "../elements/feedback.js"
import { clearErrors, showErrors } from "../elements/form-errors.js"
import { begunNotice, onItsWayNotice } from "../elements/own-sign-up.js"
import { amountWithCode, comparisonTable, planCard } from "../elements/plan-choice.js"
import { startPreferences } from "../elements/preferences.js"
import { showHours } from "../elements/site-footer.js"
import { SubdomainCheck } from "../elements/subdomain-check.js"
import { connectWaitingList, drawAvailability } from "../elements/waiting-list.js"
import { ApiProblem, request } from "../lib/api.js"
import { countryOptions } from "../lib/countries.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import {
  forgetDraft,
  forgetIdempotencyKey,
  forgetSignup,
  idempotencyKeyFor,
  keepDraft,
  keepSignup,
  onSignupElsewhere,
  openSignup,
  readDraft,
  tokenOf,
} from "../lib/draft.js"
import { formatClock, formatDate, formatDateTime, formatMoney } from "../lib/format.js"
import { language, t } from "../lib/messages.js"
import { amountOf, charges, monthsFree } from "../lib/plans.js"

/** @typedef {import("../lib/plans.js").PriceList} PriceList */
/** @typedef {import("../elements/setup-words.js").Signup} Signup */

const FIELDS = ["company", "name", "email", "country", "subdomain"]
const CHOICES = ["plan", "interval", "currency"]
const ON_ITS_WAY = ["payment_processing", "queued", "provisioning", "provision_failed"]

const form = byId("sign-up-form", HTMLFormElement)
const errors = byId("form-errors", HTMLDivElement)
const button = byId("continue", HTMLButtonElement)
const subdomain = byId("subdomain", HTMLInputElement)
const currencySelect = byId("currency", HTMLSelectElement)

/** @type {PriceList | null} */
let prices = null
/** @type {import("../elements/plan-choice.js").Choice} */
const choice = { plan: "", interval: "month", currency: "" }
/** The sign-up that this browser has begun and that can still be changed. @type {Signup | null} */
let own = null
/** @type {Signup | null} */
let onItsWay = null
let sending = false
let waitUntil = 0

startPreferences()
showHours()
byId("country", HTMLSelectElement).append(...countryOptions())
const check = new SubdomainCheck(
  subdomain,
  byId("subdomain-state", HTMLDivElement),
  byId("subdomain-suggestions", HTMLDivElement),
  rememberDraft,
  name =>
    (own?.subdomain === name && t("subdomain.own", { time: formatClock(own.name_held_until ?? "") })) ||
    (onItsWay?.subdomain === name && t("subdomain.ordered")),
)
restoreDraft()
load()

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
  if (!event.persisted) return
  setSending(false)
  loadOwn()
})
onSignupElsewhere(loadOwn)
connectWaitingList()

async function load() {
  await loadOwn()
  // Not before it is known which name is one's own.
  if (subdomain.value) check.checkSoon()
  await loadPlans()
}

/** What this browser has begun, as the server has it now. */
async function loadOwn() {
  const token = openSignup()
  /** @type {Signup | null} */
  let found = null
  if (token) {
    try {
      found = await request("GET", `/api/signups/${encodeURIComponent(token)}`)
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || problem.status !== 404) return
    }
    // Over: whoever comes again begins another one.
    if (!found?.contact && !ON_ITS_WAY.includes(found?.state ?? "")) {
      forgetSignup()
      found = null
    }
  }
  // What is paid, or waits for a bank, has nothing left to change.
  own = found?.contact ? found : null
  onItsWay = found?.contact ? null : found
  if (own && takeOrder(own)) check.checkSoon()
  drawOwn()
  drawAvailability(prices, own !== null)
}

/** The order stands in the form, unless this tab has changed it and nobody else has; true when the form changed. @param {Signup} signup */
function takeOrder(signup) {
  const { subdomain, company, plan, interval, currency, contact } = signup
  const order = { company, ...contact, subdomain, plan, interval, currency }
  const base = JSON.stringify(order)
  if (readDraft().base === base) return false
  keepDraft(/** @type {Record<string, string>} */ (order), base)
  restoreDraft()
  Object.assign(choice, { plan, interval, currency })
  writeChoice()
  drawPlans()
  return true
}

function drawOwn() {
  fill(byId("own-sign-up", HTMLDivElement), onItsWay ? onItsWayNotice(onItsWay) : own && begunNotice(own, startAfresh))
}

// Whoever comes next on this device is not asked about somebody else's sign-up.
function startAfresh() {
  forgetDraft()
  own = null
  form.reset()
  rememberDraft()
  check.checkSoon()
  drawOwn()
  drawPlans()
  drawAvailability(prices, own !== null)
  byId("company", HTMLInputElement).focus()
}

async function loadPlans() {
  try {
    prices = /** @type {PriceList} */ (await request("GET", "/api/plans"))
  } catch (problem) {
    const cards = byId("plan-cards", HTMLDivElement)
    cards.removeAttribute("aria-busy")
    fill(cards, failedCard(problem, loadPlans))
    return
  }
  drawAvailability(prices, own !== null)
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
  writeChoice()
  rememberDraft()
  drawPlans()
}

function writeChoice() {
  const address = new URL(location.href)
  for (const [name, value] of Object.entries(choice)) address.searchParams.set(name, value)
  history.replaceState(history.state, "", address)
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
  if (plan && amount !== undefined && amount !== null) drawSummary(plan, amount)
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

// What this browser has been promised holds, whatever is offered by now.
/** @param {import("../lib/plans.js").Plan} plan */
function trialDaysOf(plan) {
  if (own?.is_trial_refused) return 0
  return own?.plan === plan.id ? own.trial_days : plan.trial_days
}

/** @param {import("../lib/plans.js").Plan} plan @param {number} amount */
function drawSummary(plan, amount) {
  const { name } = plan
  const { currency, interval } = choice
  const days = trialDaysOf(plan)
  const { dueToday, next } = charges(amount, interval, new Date(), days)
  const money = formatMoney({ currency, amount })
  const words = { amount: money, date: formatDate(next) }
  setText(
    byId("summary-plan", HTMLElement),
    interval === "year" ? t("summary.plan_yearly", { plan: name }) : t("summary.plan_monthly", { plan: name }),
  )
  setText(byId("summary-price", HTMLElement), money)
  setText(byId("summary-due", HTMLElement), formatMoney({ currency, amount: dueToday }))
  const yearly = interval === "year"
  const later = yearly ? t("summary.next_yearly", words) : t("summary.next_monthly", words)
  const afterTrial = yearly ? t("summary.trial_yearly", words) : t("summary.trial_monthly", words)
  setText(byId("summary-next", HTMLParagraphElement), days > 0 ? afterTrial : later)
  setText(byId("summary-trial", HTMLParagraphElement), days > 0 ? t("summary.trial_once") : "")
  setText(
    button,
    days > 0 ? t("sign_up.continue_trial") : t("sign_up.continue", { amount: amountWithCode(currency, dueToday) }),
  )
}

function restoreDraft() {
  const { fields } = readDraft()
  for (const name of FIELDS) {
    const control = /** @type {HTMLInputElement} */ (form.elements.namedItem(name))
    if (fields[name]) control.value = fields[name]
  }
}

function rememberDraft() {
  /** @type {Record<string, string>} */
  const fields = { ...typed(), ...choice }
  // Before the prices are there nothing is chosen yet; what was chosen stays.
  if (!prices) for (const name of CHOICES) fields[name] = readDraft().fields[name] ?? ""
  keepDraft(fields)
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
    const answer = own ? await changeOwn(body) : await begin(body)
    if (answer) location.assign(answer)
  } catch (problem) {
    setSending(false)
    if (!(problem instanceof ApiProblem)) throw problem
    explain(problem)
  }
}

/** @param {Record<string, string>} body @returns {Promise<string>} where to go on */
async function begin(body) {
  const headers = { "Idempotency-Key": idempotencyKeyFor(body) }
  const answer = await request("POST", "/api/checkout", { body, headers })
  remember(answer.status_url, body)
  return answer.checkout_url
}

/** @param {Record<string, string>} body @returns {Promise<string>} where to go on */
async function changeOwn(body) {
  const token = openSignup()
  try {
    const answer = await request("PATCH", `/api/signups/${encodeURIComponent(token)}`, { body })
    remember(answer.status_url, body)
    return answer.checkout_url
  } catch (problem) {
    if (!(problem instanceof ApiProblem) || !["signup_over", "signup_not_found"].includes(problem.code)) throw problem
  }
  // It was paid meanwhile, or its time is over: then this is a new one.
  const seen = await request("GET", `/api/signups/${encodeURIComponent(token)}`).catch(() => null)
  if (seen && seen.state !== "expired") return `/setup/${token}`
  forgetSignup()
  own = null
  return begin(body)
}

/** The form and the server mean the same now; other tabs hear of it. @param {string} statusUrl @param {Record<string, string>} body */
function remember(statusUrl, body) {
  const { company, name, email, country, subdomain, plan, interval, currency } = body
  const order = { company, name, email, country, subdomain, plan, interval, currency }
  forgetIdempotencyKey()
  keepDraft(order, JSON.stringify(order))
  keepSignup(tokenOf(statusUrl))
}

/** @param {ApiProblem} problem */
function explain(problem) {
  const closed = { capacity_exhausted: "full", building_paused: "paused" }[problem.code]
  if (closed && prices) {
    prices.availability = closed
    drawAvailability(prices, own !== null)
    byId("waiting-title", HTMLElement).focus()
    return
  }
  if (["stripe_unavailable", "server_clock_wrong", "disk_full"].includes(problem.code)) {
    forgetIdempotencyKey()
    if (problem.body.status_url) keepSignup(tokenOf(problem.body.status_url))
    showErrors(errors, form, problem, ...nameIsKept(problem.body))
    return
  }
  if (problem.code === "subdomain_taken") check.offer((problem.body.suggestions ?? []).slice(0, 3))
  if (problem.status === 429 && problem.code !== "too_many_unpaid") waitBeforeRetry(problem.retryAfter || 5)
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
