// The customer's own page: what they have, their invoices, their card, and the end of a subscription. Without a session it
// asks for a link.

import { mdiOpenInNew } from "@mdi/js"
import { beside, sayNothing, sayOnPage } from "../elements/answer.js"
import { failedCard, notice } from "../elements/feedback.js"
import { orderedPlan } from "../elements/plan-order.js"
import { showAsking } from "../elements/portal-ask.js"
import { cancelDialog } from "../elements/portal-cancel.js"
import { invoiceRow } from "../elements/portal-invoices.js"
import { changePlan } from "../elements/portal-plan.js"
import { askTaxId, taxIds } from "../elements/portal-tax-ids.js"
import { tenantCard, withSupport } from "../elements/portal-tenant.js"
import { startPreferences } from "../elements/preferences.js"
import { showHours } from "../elements/site-footer.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, redraw, setText } from "../lib/dom.js"
import { formatClock, formatMonth } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { planText } from "../lib/plans.js"
import { day } from "../lib/portal.js"

/** @typedef {import("../lib/portal.js").Portal} Portal */
/** @typedef {import("../lib/portal.js").PortalTenant} PortalTenant */

/** So often, and so many times, Stripe is asked for a card that was just given there. */
const CARD_EVERY = 1500
const CARD_TRIES = 12

const parameters = new URLSearchParams(location.search)
const product = document.title.split(" · ").at(-1)

/** @type {Portal | null} */
let shown = null
/** @type {ReturnType<typeof setTimeout> | undefined} */
let closing

startPreferences()
showHours()
byId("close", HTMLButtonElement).addEventListener("click", closePage)
byId("add-tax-id", HTMLButtonElement).addEventListener("click", addTaxId)
start()

async function start() {
  const card = parameters.get("card")
  // What brought us here is said once; a reload says nothing.
  if (card) history.replaceState(null, "", "/portal")
  if (!(await load())) return
  if (card === "kept") sayOnPage(notice("info", t("portal.card_kept")))
  if (card === "given") await awaitCard()
}

/** Whether the page is open in this browser. */
async function load() {
  try {
    /** @type {[Portal, { data: import("../lib/portal.js").PortalInvoice[], has_more: boolean }]} */
    const [portal, invoices] = await Promise.all([
      request("GET", "/api/portal"),
      request("GET", "/api/portal/invoices"),
    ])
    draw(portal)
    drawInvoices(invoices.data, invoices.has_more)
    return true
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) {
      showClosed()
      return false
    }
    showContent("portal")
    fill(
      byId("done", HTMLElement),
      failedCard(problem, () => location.reload()),
    )
    return true
  }
}

/** @param {"portal" | "ask"} which */
function showContent(which) {
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
  byId("portal", HTMLElement).hidden = which !== "portal"
  byId("ask", HTMLElement).hidden = which !== "ask"
}

function showClosed() {
  if (shown) askAgain(t("portal.closed"), t("portal.closed_text"))
  else askForLink(parameters.get("tenant"))
}

/** @param {string} title @param {string} text */
function askAgain(title, text) {
  fill(byId("ask-note", HTMLElement), notice("info", title, h("p", {}, text)))
  askForLink(null)
  byId("ask-heading", HTMLElement).focus()
}

/** @param {string | null} tenant */
function askForLink(tenant) {
  clearTimeout(closing)
  showContent("ask")
  showAsking(tenant)
}

/** @param {Portal} portal */
function draw(portal) {
  shown = portal
  showContent("portal")
  document.title = `${portal.company} · ${product}`
  setText(byId("company", HTMLElement), portal.company)
  setText(byId("person", HTMLElement), `${portal.name} · ${portal.email}`)
  setText(byId("open-until", HTMLElement), t("portal.open_until", { time: formatClock(portal.closes_at) }))
  fill(byId("support", HTMLElement), ...withSupport(t("portal.write_to"), portal.support_email))
  redraw(
    byId("tenants", HTMLElement),
    portal.tenants.length === 0 && h("p", { class: "text-soft" }, t("portal.no_tenants")),
    ...portal.tenants.map(tenant =>
      tenantCard(tenant, {
        support: portal.support_email,
        replan: button => replan(tenant, button),
        stay: button => stay(tenant, button),
        end: button => cancel(tenant, button),
        resume: button => resume(tenant, button),
      }),
    ),
  )
  drawCard(portal)
  byId("tax-card", HTMLElement).hidden = !portal.may_change_card
  redraw(byId("tax-ids", HTMLElement), taxIds(portal.tax_ids, dropTaxId))
  clearTimeout(closing)
  closing = setTimeout(
    () => location.reload(),
    Math.max(0, Date.parse(portal.closes_at) - Date.parse(portal.as_of)) + 1000,
  )
}

/** @param {import("../lib/portal.js").PortalInvoice[]} invoices @param {boolean} hasMore */
function drawInvoices(invoices, hasMore) {
  fill(
    byId("invoices", HTMLElement),
    invoices.length === 0
      ? h("p", { class: "text-soft" }, t("portal.no_invoices"))
      : h("ul", {}, ...invoices.map(invoiceRow)),
    hasMore && h("p", { class: "hint mt-3" }, ...withSupport(t("portal.older_invoices"), shown?.support_email ?? "")),
  )
}

/** @param {Portal} portal */
function drawCard({ payment_methods: methods, may_change_card: mayChange, as_of: asOf }) {
  byId("card-card", HTMLElement).hidden = !mayChange && methods.length === 0
  redraw(
    byId("card", HTMLElement),
    methods.length === 0
      ? h("p", { class: "text-soft" }, t("portal.no_card"))
      : h("ul", { class: "grid gap-2" }, ...methods.map(method => methodRow(method, asOf))),
    mayChange &&
      h(
        "div",
        { class: "grid justify-items-start gap-2" },
        h("p", { class: "text-soft" }, t("portal.another_card_text")),
        h(
          "button",
          { type: "button", class: "button", id: "another-card", onclick: changeCard },
          t("portal.another_card"),
          icon(mdiOpenInNew),
        ),
      ),
  )
}

/** @param {import("../lib/portal.js").PaymentMethod} method @param {string} asOf */
function methodRow({ type, brand, last4, expiry_year: year, expiry_month: month, is_default: isDefault }, asOf) {
  const name = (brand ?? type).replaceAll("_", " ")
  const until = year !== null && month !== null ? `${year}-${String(month).padStart(2, "0")}` : null
  const isOver = until !== null && until < asOf.slice(0, 7)
  return h(
    "li",
    { class: "flex flex-wrap items-center gap-x-4 gap-y-1" },
    h("span", { class: "font-medium capitalize", translate: "no" }, last4 ? `${name} •••• ${last4}` : name),
    until &&
      h(
        "span",
        { class: "hint numbers" },
        isOver
          ? t("portal.expired", { month: formatMonth(until, "long") })
          : t("portal.expires", { month: formatMonth(until, "long") }),
      ),
    isDefault && h("span", { class: `badge ${isOver ? "tone-negative" : "tone-positive"}` }, t("portal.charged")),
  )
}

/** What was asked for of a button, once; a closed page asks for a link. @param {HTMLElement} button @param {() => Promise<void>} work */
async function once(button, work) {
  if (button.getAttribute("aria-disabled")) return
  button.setAttribute("aria-disabled", "true")
  const say = beside(button)
  sayNothing()
  try {
    await work()
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 401) location.reload()
    else say(failedCard(problem))
  }
  button.removeAttribute("aria-disabled")
}

/** @param {PortalTenant} tenant @param {HTMLElement} button */
function replan(tenant, button) {
  return once(button, async () => {
    const say = beside(button)
    const order = await changePlan(tenant)
    if (!order) return
    await load()
    const plan = orderedPlan(order)
    if (order.state === "done") say(notice("positive", t("portal.plan_changed", { name: tenant.subdomain, plan })))
    else if (order.takes_effect_at)
      say(notice("positive", t("plan_order.begins", { plan, date: day(order.takes_effect_at) })))
    else if (order.pay_url) location.assign(order.pay_url)
  })
}

/** @param {PortalTenant} tenant @param {HTMLElement} button */
function stay(tenant, button) {
  return once(button, async () => {
    const say = beside(button)
    await request("DELETE", `/api/portal/tenants/${encodeURIComponent(tenant.id)}/plan-order`)
    await load()
    say(notice("positive", t("plan_order.taken_back", { plan: planText(tenant.plan, tenant.plan_quantity) })))
  })
}

/** @param {PortalTenant} tenant @param {HTMLElement} button */
async function cancel(tenant, button) {
  const say = beside(button)
  const choice = await cancelDialog(tenant)
  if (choice === "replan") await replan(tenant, button)
  if (choice !== "cancelled" && choice !== "stayed") return
  await load()
  if (choice === "stayed") {
    say(notice("positive", t("portal.stayed", { name: tenant.subdomain }), h("p", {}, t("portal.stayed_text"))))
    return
  }
  const ends = shown?.tenants.find(({ id }) => id === tenant.id)?.subscription?.ends_at
  const values = { name: tenant.subdomain, date: ends ? day(ends) : "" }
  say(notice("positive", t("portal.cancelled", values), shown?.sends_mail && h("p", {}, t("portal.cancelled_text"))))
}

/** @param {PortalTenant} tenant @param {HTMLElement} button */
function resume(tenant, button) {
  return once(button, async () => {
    const say = beside(button)
    await request("DELETE", `/api/portal/tenants/${encodeURIComponent(tenant.id)}/cancellation`)
    await load()
    say(
      notice(
        "positive",
        t("portal.resumed", { name: tenant.subdomain }),
        shown?.sends_mail && h("p", {}, t("portal.resumed_text")),
      ),
    )
  })
}

/** @param {Event} event */
async function addTaxId(event) {
  const say = beside(/** @type {HTMLElement} */ (event.currentTarget))
  if (!(await askTaxId())) return
  await load()
  say(notice("positive", t("portal.tax_id_given"), h("p", {}, t("portal.tax_id_given_text"))))
}

/** @param {import("../elements/portal-tax-ids.js").TaxId} one @param {HTMLElement} button */
function dropTaxId({ id, value }, button) {
  return once(button, async () => {
    await request("DELETE", `/api/portal/tax-ids/${encodeURIComponent(id)}`)
    await load()
    beside(byId("add-tax-id", HTMLElement))(notice("positive", t("portal.tax_id_removed", { value })))
  })
}

/** @param {Event} event */
function changeCard(event) {
  return once(/** @type {HTMLElement} */ (event.currentTarget), async () => {
    const { url } = await request("POST", "/api/portal/card", { body: { customer_id: shown?.customer_id } })
    location.assign(url)
  })
}

// Stripe's page leads back before anybody has told us.
async function awaitCard() {
  sayOnPage(notice("info", t("portal.card_checking")))
  try {
    await request("POST", "/api/portal/card/refresh")
    for (let tries = 0; tries < CARD_TRIES && shown?.is_card_awaited; tries += 1) {
      await new Promise(resolve => setTimeout(resolve, CARD_EVERY))
      if (!(await load())) return
    }
    sayOnPage(
      shown?.is_card_awaited
        ? notice("caution", t("portal.card_later"), h("p", {}, t("portal.card_later_text")))
        : shown?.is_card_given
          ? notice("positive", t("portal.card_given"), h("p", {}, t("portal.card_given_text")))
          : notice("info", t("portal.card_kept")),
    )
  } catch (problem) {
    sayOnPage(failedCard(problem))
  }
}

/** @param {Event} event */
function closePage(event) {
  return once(/** @type {HTMLElement} */ (event.currentTarget), async () => {
    await request("DELETE", "/api/portal/session")
    askAgain(t("portal.left"), t("portal.left_text"))
  })
}
