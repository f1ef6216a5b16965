// The gate: every page in both languages, both themes and four widths is free of errors, foreign requests, violations of
// the content policy, accessibility findings and visual flaws; it can be walked by keyboard and stays light.

import assert from "node:assert/strict"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import { gzipSync } from "node:zlib"
import { PAGES as REGISTRY } from "../../web/build/page-list.mjs"
import { until } from "../support/until.mjs"
import {
  showChecks,
  showDifferences,
  showDiscrepancies,
  showEvents,
  showInvoice,
  showInvoices,
  showLatePayments,
} from "./billing-states.mjs"
import { keyboardWalk } from "./keyboard-walk.mjs"
import { foreignWords, listenForProse } from "./language-lint.mjs"
import { showSuppressions, showUnsubscribe } from "./mail-states.mjs"
import {
  showCreditNotes,
  showDispute,
  showDisputes,
  showFailures,
  showMethods,
  showPromotions,
  showRefunds,
} from "./payment-states.mjs"
import { showPortal, showPrice, spendLink } from "./portal-states.mjs"
import { askSecondStep, failWith, showFactors, showSignUp, showTrials, withoutConnection } from "./states.mjs"
import * as support from "./support.mjs"
import { showExports } from "./table-states.mjs"
import { showAccess, showArchivedTenant, showFindings, showPool, showTenant } from "./tenant-states.mjs"
import { visualLint } from "./visual-lint.mjs"

/** @typedef {import("./support.mjs").Language} Language */
/** @typedef {import("./support.mjs").Theme} Theme */

// A page is loaded at the first width of each pair and then narrowed or widened to the second.
const WIDTHS = [
  [390, 320],
  [1440, 768],
]
/** @type {Theme[]} */
const THEMES = ["light", "dark"]
const MOST_SHIFT = 0.05
const MOST_SCRIPT = 90_000
const MOST_STYLE = 15_000
const BUILT_WITHIN = 60_000
const HELD_UNTIL = new Date(Date.now() + 13 * 86_400_000).toISOString()
const SESSION_SHARED_FOR = 5 * 60_000

/** @type {import("./support.mjs").Browser} */
let browser
/** @type {ReturnType<typeof support.signIn> | undefined} */
let session
let signedInAt = 0
/** @type {Record<string, string>} */
const found = {}
/** @type {{ url: string, close: () => Promise<void> }} */
let builtPages

before(async () => {
  browser = await support.openBrowser()
  Object.assign(found, await prepareObjects())
  builtPages = await serveBuiltPages()
})

after(async () => {
  await browser?.close()
  await builtPages?.close()
})

/**
 * `arrange` puts the page into a state that the server under test is not in; such a page is looked at on a phone only,
 * where room is scarce; `act` is what a person does there then. `fails` is part of the address of a request that this
 * page is meant to see fail.
 * @typedef {{ name: string, address: () => string, staff?: boolean, heavy?: boolean, fails?: string,
 *             arrange?: (page: import("./support.mjs").Page) => Promise<void>,
 *             act?: (page: import("./support.mjs").Page) => Promise<void>, until?: string }} Entry
 */

// Where a page is looked at whose address is more than the list of pages can say.
/** @type {Record<string, () => string>} */
const ADDRESSES = {
  setup: () => found.setup,
  invitation: () => found.invitation,
  access: () => "/access/no-such-token",
  pay: () => "/pay/acme",
  portal_link: () => "/portal/no-such-token",
  unsubscribe: () => "/unsubscribe/no-such-token",
  settings_mail: () => "/admin/settings/mails/tenant_ready",
  tenants: () => "/admin/tenants?limit=25",
  tenant: () => found.tenant,
  tenant_config: () => `${found.tenant}/config`,
  mail: () => found.mail,
  invoice: () => found.invoice,
  dispute: () => "/admin/billing/disputes/du_of_nobody",
  settings_roles: () => "/admin/settings/roles?role=finance",
  not_found: () => "/no-such-page",
}

/** @type {Record<string, string>} */
const FAILS = {
  dispute: "du_of_nobody",
  not_found: "no-such",
  // To whom it is closed it offers a link.
  portal: "/api/portal",
  unsubscribe: "no-such",
}

/** Every page of the list, as it usually is. */
const USUAL = REGISTRY.filter(({ leadsTo }) => !leadsTo).map(({ name, path, layout }) => {
  const whole = ADDRESSES[name] ?? (path?.includes("{") ? undefined : path && (() => path))
  if (path && !whole) throw new Error(`the gate knows no address for the page ${name}`)
  /** @type {Entry} */
  const entry = {
    name,
    address: () => (whole ? support.SERVER + whole() : `${builtPages.url}/${name}`),
    staff: layout === "console",
    heavy: name === "docs",
    fails: FAILS[name],
  }
  return entry
})

/** @type {Entry[]} */
const PAGES = [
  ...USUAL,
  {
    name: "unsubscribe of a mail",
    address: () => `${support.SERVER}/unsubscribe/shown`,
    arrange: page => showUnsubscribe(page, false),
    until: "#content:not([hidden])",
  },
  {
    name: "unsubscribe that is done",
    address: () => `${support.SERVER}/unsubscribe/shown`,
    arrange: page => showUnsubscribe(page, true),
    until: "#take-back:not([hidden])",
  },
  {
    name: "mail_suppressions with rows",
    address: () => `${support.SERVER}/admin/mails/suppressions`,
    staff: true,
    arrange: showSuppressions,
    until: "tr[data-id=sup_1]",
  },
  { name: "setup of nobody", address: () => `${support.SERVER}/setup/no-such-token`, fails: "no-such" },
  {
    name: "setup that runs",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "provisioning"),
  },
  {
    name: "setup that needs another try",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "provision_failed"),
  },
  {
    name: "setup given up",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "rolled_back"),
  },
  {
    name: "setup done",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "live"),
  },
  {
    name: "setup of a trial that begins",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "awaiting_payment", { trial_days: 14, name_held_until: HELD_UNTIL }),
  },
  {
    name: "setup of a trial",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "live", { trial_days: 14, trial_ends_at: HELD_UNTIL }),
  },
  {
    name: "setup without a second trial",
    address: () => `${support.SERVER}/setup/shown`,
    arrange: page => showSignUp(page, "expired", { is_trial_refused: true, name_held_until: HELD_UNTIL }),
  },
  {
    name: "landing with trials",
    address: () => `${support.SERVER}/?interval=year`,
    arrange: showTrials,
    until: "#summary-trial:not(:empty)",
  },
  {
    name: "login with a second step",
    address: () => `${support.SERVER}/login`,
    arrange: askSecondStep,
    until: "#second-step:not([hidden])",
  },
  {
    name: "dashboard without connection",
    address: () => `${support.SERVER}/admin`,
    staff: true,
    arrange: withoutConnection,
    until: "live-state[data-state=reconnecting]",
  },
  { name: "dashboard with a pool", address: () => `${support.SERVER}/admin`, staff: true, arrange: showPool },
  {
    name: "dashboard that failed",
    address: () => `${support.SERVER}/admin`,
    staff: true,
    fails: "/api/dashboard/metrics",
    arrange: page => failWith(page, "/api/dashboard/metrics", 503),
  },
  {
    name: "tenants that failed",
    address: () => `${support.SERVER}/admin/tenants`,
    staff: true,
    fails: "/api/tenants?",
    arrange: page => failWith(page, "/api/tenants", 500),
  },
  { name: "mails without match", address: () => `${support.SERVER}/admin/mails?q=no-such-mail`, staff: true },
  {
    name: "mail of nobody",
    address: () => `${support.SERVER}/admin/mails/mail_999999`,
    staff: true,
    fails: "mail_999999",
  },
  {
    name: "tenants without match",
    address: () => `${support.SERVER}/admin/tenants?q=no-such-tenant&plan=team`,
    staff: true,
  },
  {
    name: "jobs with long files in every state",
    address: () => `${support.SERVER}/admin/jobs?export=exp_1,exp_2,exp_3,exp_4`,
    staff: true,
    arrange: showExports,
    until: "[data-order=ready]",
  },
  {
    name: "tenant in its life",
    address: () => `${support.SERVER}/admin/tenants/ten_7`,
    staff: true,
    arrange: page => showTenant(page),
  },
  {
    name: "tenant that is given a discount",
    address: () => `${support.SERVER}/admin/tenants/ten_7`,
    staff: true,
    arrange: async page => {
      await showTenant(page)
      await showPromotions(page)
    },
    act: page => page.click("#give-discount"),
    until: "dialog [name=promotion]",
  },
  {
    name: "settings of a tenant in its life",
    address: () => `${support.SERVER}/admin/tenants/ten_7/config`,
    staff: true,
    arrange: page => showTenant(page),
  },
  {
    name: "settings of an archived tenant",
    address: () => `${support.SERVER}/admin/tenants/ten_7/config`,
    staff: true,
    arrange: showArchivedTenant,
  },
  {
    name: "settings of nobody",
    address: () => `${support.SERVER}/admin/tenants/ten_999999/config`,
    staff: true,
    fails: "ten_999999",
  },
  {
    name: "findings of every kind",
    address: () => `${support.SERVER}/admin/tenants/findings`,
    staff: true,
    arrange: showFindings,
  },
  {
    name: "discrepancies of every kind",
    address: () => `${support.SERVER}/admin/billing/findings`,
    staff: true,
    arrange: showDiscrepancies,
  },
  {
    name: "failed payments of every kind",
    address: () => `${support.SERVER}/admin/billing/failures`,
    staff: true,
    arrange: showFailures,
    act: page => page.locator("#rows button[data-act=retry]").first().click(),
    until: "dialog[open]",
  },
  {
    name: "refunds in every state",
    address: () => `${support.SERVER}/admin/billing/refunds`,
    staff: true,
    arrange: showRefunds,
    act: async page => {
      await page.click("#new-refund")
      await page.fill("dialog [name=target]", "inv_1")
      await page.locator("dialog [data-action]").click()
    },
    until: "dialog [name=amount]",
  },
  {
    name: "credit notes of every kind",
    address: () => `${support.SERVER}/admin/billing/credit-notes`,
    staff: true,
    arrange: showCreditNotes,
  },
  {
    name: "open invoice that is credited",
    address: () => `${support.SERVER}/admin/billing/invoices/inv_7`,
    staff: true,
    arrange: showInvoice,
    act: page => page.click("#credit"),
    until: "dialog [name=amount]",
  },
  {
    name: "payment methods of every kind",
    address: () => `${support.SERVER}/admin/billing/methods`,
    staff: true,
    arrange: showMethods,
    act: async page => {
      const row = page.locator("#rows tr[data-id=method_0]")
      await row.getByRole("button").last().click()
      await page.locator(".menu-panel:popover-open .menu-item").last().click()
    },
    until: "dialog [name=even_if_charged]",
  },
  {
    name: "disputes of every kind",
    address: () => `${support.SERVER}/admin/billing/disputes`,
    staff: true,
    arrange: showDisputes,
  },
  {
    name: "dispute that waits for an answer",
    address: () => `${support.SERVER}/admin/billing/disputes/dis_7`,
    staff: true,
    arrange: showDispute,
    act: page => page.click("#suggest"),
    until: "#problem .notice",
  },
  {
    name: "dispute that is answered",
    address: () => `${support.SERVER}/admin/billing/disputes/dis_7`,
    staff: true,
    arrange: showDispute,
    act: page => page.click("#submit"),
    until: "dialog [name=sure]",
  },
  {
    name: "late payments of every kind",
    address: () => `${support.SERVER}/admin/billing/late-payments`,
    staff: true,
    arrange: showLatePayments,
  },
  {
    name: "invoices of every status",
    address: () => `${support.SERVER}/admin/billing`,
    staff: true,
    arrange: showInvoices,
  },
  {
    name: "billing whose sums failed",
    address: () => `${support.SERVER}/admin/billing`,
    staff: true,
    fails: "/api/billing/summary",
    arrange: page => failWith(page, "/api/billing/summary", 503),
  },
  {
    name: "invoice to which everything happened",
    address: () => `${support.SERVER}/admin/billing/invoices/inv_7`,
    staff: true,
    arrange: showInvoice,
  },
  {
    name: "invoice of nobody",
    address: () => `${support.SERVER}/admin/billing/invoices/inv_999999`,
    staff: true,
    fails: "inv_999999",
  },
  {
    name: "Stripe events in every state",
    address: () => `${support.SERVER}/admin/billing/events`,
    staff: true,
    arrange: showEvents,
    act: page => page.locator("#rows button[data-act=again]").first().click(),
    until: "#done .notice",
  },
  {
    name: "differences of every kind",
    address: () => `${support.SERVER}/admin/billing/differences`,
    staff: true,
    arrange: showDifferences,
    act: async page => {
      await page.locator("#rows summary").first().click()
      await page.locator("#rows button[data-act=apply]").first().click()
    },
    until: "#done .notice",
  },
  {
    name: "checks that have found rows",
    address: () => `${support.SERVER}/admin/invariants`,
    staff: true,
    arrange: showChecks,
    act: page => page.locator("#tenant_without_right").scrollIntoViewIfNeeded(),
  },
  {
    name: "checks that somebody asks for",
    address: () => `${support.SERVER}/admin/invariants`,
    staff: true,
    act: page => page.click("#run"),
    until: "#checks[data-round=over]",
  },
  {
    name: "pay when the link is sent",
    address: () => `${support.SERVER}/pay/acme`,
    arrange: page => pressWhenLoaded(page, "#send"),
    until: "#problem .notice",
  },
  {
    name: "pay when it is paid",
    address: () => `${support.SERVER}/pay/acme?paid`,
    until: "#problem .notice",
  },
  {
    name: "portal of somebody who has everything",
    address: () => `${support.SERVER}/portal`,
    arrange: showPortal,
    until: "#tenant-ten_3",
  },
  {
    name: "portal where a subscription is cancelled",
    address: () => `${support.SERVER}/portal`,
    arrange: showPortal,
    act: page => page.click("#cancel-ten_6"),
    until: "dialog [name=feedback]",
  },
  {
    name: "portal where staying costs less, and another plan, too",
    address: () => `${support.SERVER}/portal`,
    arrange: showPortal,
    act: async page => {
      await page.click("#cancel-ten_7")
      await page.selectOption("dialog [name=feedback]", "too_expensive")
    },
    until: "dialog #cheaper",
  },
  {
    name: "portal where another plan is chosen",
    address: () => `${support.SERVER}/portal`,
    arrange: showPortal,
    act: page => page.click("#replan-ten_7"),
    until: "dialog [name=plan][checked]",
  },
  ...[true, false].map(dearer => ({
    name: `portal where a ${dearer ? "dearer" : "cheaper"} plan has a price`,
    address: () => `${support.SERVER}/portal`,
    arrange: (/** @type {import("./support.mjs").Page} */ page) => showPrice(page, dearer),
    act: async (/** @type {import("./support.mjs").Page} */ page) => {
      await page.click("#replan-ten_7")
      await page.click("dialog [data-action]")
    },
    until: "dialog dl",
  })),
  {
    name: "portal where a VAT number is given",
    address: () => `${support.SERVER}/portal`,
    arrange: showPortal,
    act: page => page.click("#add-tax-id"),
    until: "dialog [name=value]",
  },
  {
    name: "plan that is edited",
    address: () => `${support.SERVER}/admin/settings/plans`,
    staff: true,
    act: page => page.locator("#plans button").nth(1).click(),
    until: "dialog [data-price='eur month']",
  },
  {
    name: "promotion codes of all kinds",
    address: () => `${support.SERVER}/admin/billing/promotions`,
    staff: true,
    arrange: showPromotions,
    until: "#promotions tbody tr:first-child",
  },
  {
    name: "promotion code that is made",
    address: () => `${support.SERVER}/admin/billing/promotions`,
    staff: true,
    act: page => page.click("#new-promotion"),
    until: "dialog [name=code]",
  },
  {
    name: "portal when a link is sent",
    address: () => `${support.SERVER}/portal?tenant=acme`,
    fails: "/api/portal",
    act: page => page.click("#ask-send"),
    until: "#ask-done .notice",
  },
  {
    name: "portal link that is used up",
    address: () => `${support.SERVER}/portal/no-such-token`,
    fails: "/api/portal/session",
    arrange: async page => {
      await spendLink(page)
      await pressWhenLoaded(page, "#open")
    },
    until: "#send-again",
  },
  {
    name: "access that was shown",
    address: () => `${support.SERVER}/access/shown`,
    arrange: async page => {
      await showAccess(page, 200)
      await pressWhenLoaded(page, "#show-login")
    },
    until: "#open-system",
  },
  {
    name: "access that is used up",
    address: () => `${support.SERVER}/access/shown`,
    fails: "/access/",
    arrange: async page => {
      await showAccess(page, 410)
      await pressWhenLoaded(page, "#show-login")
    },
    until: "#problem .notice",
  },
  {
    name: "profile with factors",
    address: () => `${support.SERVER}/admin/settings/profile`,
    staff: true,
    arrange: showFactors,
  },
  {
    name: "branding that is refused",
    address: () => `${support.SERVER}/admin/settings/branding`,
    staff: true,
    fails: "/api/settings/groups/branding",
    act: chooseLightColour,
    until: "[name=accent_colour][aria-invalid]",
  },
  { name: "invitation of nobody", address: () => `${support.SERVER}/invitation/no-such-token`, fails: "no-such" },
]

for (const entry of PAGES) {
  describe(entry.name, { concurrency: 2 }, () => {
    for (const language of support.LANGUAGES) {
      for (const widths of entry.arrange || entry.act ? WIDTHS.slice(0, 1) : WIDTHS)
        test(`${language} at ${widths.join(" and ")} px`, () => passesGate(entry, language, widths))
    }
  })
}

// Which of a page's requests is answered last is chance; how much a late list moves depends on its rows.
test("security: a list that comes last pushes nothing about", async () => {
  const context = await support.openContext(browser, { language: "en", storageState: await staffSession() })
  const { page, problems } = await visit(
    context,
    {
      name: "security",
      address: () => `${support.SERVER}/admin/settings/security`,
      arrange: page => holdBack(page, "/api/settings/security/events?*", "#switches > *"),
    },
    "en",
  )
  assert.deepEqual(problems, [])
  assert.equal(await page.evaluate(() => /** @type {any} */ (window).seenByTest.shift), 0)
  await context.close()
})

test("the description of an operation is as narrow as a phone", async () => {
  const context = await support.openContext(browser, { language: "es", width: 320 })
  const page = await context.newPage()
  await page.goto(`${support.SERVER}/docs`)
  await page.waitForSelector(".opblock")
  await page.locator(".opblock-summary-control").first().click()
  await page.locator(".is-open .responses-table .response").first().waitFor()
  await support.screenshot(page, "docs-open-320")
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert.equal(wide, 0)
  await context.close()
})

/** Answers a request when the page has drawn `selector`. @param {import("./support.mjs").Page} page @param {string} request @param {string} selector */
async function holdBack(page, request, selector) {
  await page.route(support.SERVER + request, async route => {
    await page.locator(selector).first().waitFor({ state: "attached" })
    await page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    await route.continue()
  })
}

/** @param {import("./support.mjs").Page} page @param {string} selector */
async function pressWhenLoaded(page, selector) {
  await page.addInitScript(
    chosen => addEventListener("load", () => document.querySelector(chosen)?.dispatchEvent(new Event("click"))),
    selector,
  )
}

/** A colour that no white text can stand on. @param {import("./support.mjs").Page} page */
async function chooseLightColour(page) {
  await page.fill("[name=accent_colour]", "#ffee00")
  await page.click("#save")
}

/** Signed in lately: on a slow machine all pages together take longer than an access token lives. */
function staffSession() {
  if (!session || Date.now() - signedInAt > SESSION_SHARED_FOR) {
    session = support.signIn(browser)
    signedInAt = Date.now()
  }
  return session
}

/**
 * Everything that hangs on words is looked at in each language; what only markup and colours decide is the same in both
 * and is looked at in one of them for each pair of widths.
 * @param {Entry} entry @param {Language} language @param {number[]} widths
 */
async function passesGate(entry, language, [width, otherWidth]) {
  /** @type {string[]} */
  const findings = []
  const isThorough = language === (width < 600 ? "es" : "en")
  const storageState = entry.staff ? await staffSession() : undefined
  const context = await support.openContext(browser, { language, width, storageState })
  const { page, problems } = await visit(context, entry, language)
  findings.push(...(await loadFindings(page, entry)))
  if (isThorough) findings.push(...(await keyboardWalk(page)))
  findings.push(...(await foreignWords(page, language)))
  const themes = isThorough || process.env.ONBOARDING_SCREENSHOTS ? THEMES : THEMES.slice(0, 1)
  for (const theme of themes) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" })
    await support.settled(page)
    const found = [...(await visualLint(page)), ...(isThorough ? await axeFindings(page, theme) : [])]
    findings.push(...found.map(finding => `${theme} ${width} px: ${finding}`))
    await support.screenshot(page, `${entry.name.replaceAll(" ", "-")}-${language}-${theme}-${width}`)
  }
  await page.setViewportSize({ width: otherWidth, height: support.heightFor(otherWidth) })
  await support.settled(page)
  findings.push(...(await visualLint(page)).map(finding => `${otherWidth} px: ${finding}`))
  await context.close()
  assert.deepEqual([...problems, ...findings], [])
}

/** @param {import("./support.mjs").BrowserContext} context @param {Entry} entry @param {Language} language */
async function visit(context, entry, language) {
  const page = await context.newPage()
  listenForProse(page)
  const address = entry.address()
  const host = new URL(address).host
  /** @type {string[]} */
  const problems = []
  page.on("console", message => {
    if (["error", "warning"].includes(message.type()) && !isExpected(message, entry))
      problems.push(`console: ${message.text()}`)
  })
  page.on("pageerror", error => problems.push(`script error: ${error.message}`))
  page.on("request", request => {
    const url = new URL(request.url())
    if (["http:", "https:"].includes(url.protocol) && url.host !== host) problems.push(`request to ${url.host}`)
  })
  await page.addInitScript(watchPage)
  await entry.arrange?.(page)
  await page.goto(address)
  await support.settled(page)
  await entry.act?.(page)
  if (entry.until) await page.locator(entry.until).waitFor()
  if (entry.heavy) await page.waitForSelector(".opblock")
  const lang = await page.evaluate(() => document.documentElement.lang)
  if (lang !== language) problems.push(`the page is in ${lang}`)
  return { page, problems }
}

// A page that reports a failure has seen one; the browser logs that answer as an error of its own.
/** @param {import("./support.mjs").ConsoleMessage} message @param {Entry} entry */
function isExpected(message, { fails }) {
  // The gate's own script, which is put into every frame: emails are shown in one in which nothing runs.
  if (message.text().startsWith("Blocked script execution in 'about:blank'")) return true
  return fails && message.text().startsWith("Failed to load resource") && message.location().url.includes(fails)
}

/** Runs in the page before its own code: sums layout shifts and keeps violations of the content policy. */
function watchPage() {
  const seen = { shift: 0, violations: /** @type {string[]} */ ([]) }
  Object.assign(window, { seenByTest: seen })
  new PerformanceObserver(list => {
    for (const entry of /** @type {any[]} */ (list.getEntries())) if (!entry.hadRecentInput) seen.shift += entry.value
  }).observe({ type: "layout-shift", buffered: true })
  addEventListener("securitypolicyviolation", event => {
    seen.violations.push(`${event.violatedDirective} ${event.blockedURI}`)
  })
}

/** @param {import("./support.mjs").Page} page @param {{ heavy?: boolean }} entry */
async function loadFindings(page, { heavy }) {
  const seen = await page.evaluate(() => {
    const { shift, violations } = /** @type {any} */ (window).seenByTest
    const resources = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"))
    /** @param {string} ending */
    const weigh = ending =>
      resources
        .filter(({ name }) => name.endsWith(ending))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
    return { shift, violations, script: weigh(".js"), style: weigh(".css") }
  })
  const findings = seen.violations.map((/** @type {string} */ violation) => `content policy: ${violation}`)
  if (seen.shift > MOST_SHIFT) findings.push(`layout shift of ${seen.shift.toFixed(3)}`)
  if (!heavy && seen.script > MOST_SCRIPT) findings.push(`${seen.script} bytes of script`)
  if (!heavy && seen.style > MOST_STYLE) findings.push(`${seen.style} bytes of style`)
  return findings
}

// Between the themes only colours differ, so the second look is at contrast alone.
/** @param {import("./support.mjs").Page} page @param {Theme} theme */
async function axeFindings(page, theme) {
  // Of what is in order it need not tell where it stands.
  const axe = new support.AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"], preload: false })
  if (theme !== THEMES[0]) axe.withRules(["color-contrast"])
  const { violations } = await axe.analyze()
  return violations.flatMap((/** @type {any} */ { id, nodes }) =>
    nodes.map((/** @type {any} */ node) => `axe ${id}: ${node.target} ${node.any[0]?.message ?? ""}`),
  )
}

/** A sign-up that waits for its payment and a tenant made by staff, so that their pages have something to show. */
async function prepareObjects() {
  const context = await support.openContext(browser, { language: "en", storageState: await staffSession() })
  const { request } = context
  const person = {
    company: "Gate & Sons",
    name: "Grace Gate",
    email: "grace@gate.example",
    country: "ES",
    locale: "en",
  }
  const stamp = Date.now().toString(36)
  const origin = { Origin: support.SERVER }
  const { csrf_token: csrf } = await (await request.get(`${support.SERVER}/api/admin/me`)).json()
  const tenant = await request.post(`${support.SERVER}/api/tenants`, {
    data: { ...person, subdomain: `gate-staff-${stamp}`, plan: "starter" },
    headers: { ...origin, "X-CSRF-Token": csrf, "Idempotency-Key": `gate-staff-${stamp}` },
  })
  assert.equal(tenant.status(), 201, await tenant.text())
  const signUp = await request.post(`${support.SERVER}/api/checkout`, {
    data: { ...person, subdomain: `gate-${stamp}`, plan: "team", interval: "month", currency: "eur" },
    headers: { ...origin, "Idempotency-Key": `gate-${stamp}` },
  })
  assert.equal(signUp.status(), 201, await signUp.text())
  const { status_url: setup } = await signUp.json()
  const { id } = await tenant.json()
  await prepareSecurity(request, { ...origin, "X-CSRF-Token": csrf })
  const mail = await firstMail(request)
  const invoices = await (await request.get(`${support.SERVER}/api/billing/invoices?limit=1`)).json()
  const key = await request.post(`${support.SERVER}/api/settings/api-keys`, {
    data: { name: `Gate ${stamp}`, scopes: ["tenants:read", "team:read"], addresses: ["203.0.113.0/24"] },
    headers: { ...origin, "X-CSRF-Token": csrf },
  })
  assert.equal(key.status(), 201, await key.text())
  const invitation = await support.invite(request, csrf, `gate-${stamp}@example.com`, "support")
  await context.close()
  return {
    invitation,
    invoice: `/admin/billing/invoices/${invoices.data[0].id}`,
    mail: `/admin/mails/${mail}`,
    setup: new URL(setup, support.SERVER).pathname,
    tenant: `/admin/tenants/${id}`,
  }
}

/** The mail that says that the tenant is ready. @param {import("./support.mjs").BrowserContext["request"]} request */
async function firstMail(request) {
  const deadline = Date.now() + BUILT_WITHIN
  while (Date.now() < deadline) {
    const { data } = await (await request.get(`${support.SERVER}/api/mails`)).json()
    if (data.length > 0) return data[0].id
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  throw new Error("no mail was written for the tenant")
}

/** An address that is kept out, and exports until the rule about them raises an event. */
/** @param {import("./support.mjs").BrowserContext["request"]} request @param {Record<string, string>} headers */
async function prepareSecurity(request, headers) {
  const security = `${support.SERVER}/api/settings/security`
  const block = await request.post(`${security}/blocked-addresses`, {
    data: { address: "203.0.113.0/24", reason: "lists of passwords", hours: 1 },
    headers,
  })
  assert.equal(block.status(), 201, await block.text())
  for (let i = 0; i < 5; i += 1) {
    const sent = await request.get(`${support.SERVER}/api/audit/export?format=csv&target=none`)
    assert.equal(sent.status(), 200, await sent.text())
  }
  const events = async () => (await (await request.get(`${security}/events`)).json()).data
  await until("the exports raise an event", async () => (await events()).length > 0, { every: 1000 })
}

/** Pages that the server shows only in trouble, served as it serves them: same files, same content policy. */
async function serveBuiltPages() {
  const folder = await mkdtemp(join(tmpdir(), "onboarding-pages-"))
  await support.buildPages(folder)
  /** @type {{ files: { file: string, type: string, csp?: string }[] }} */
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"))
  const server = createServer(async (request, response) => {
    const path = (request.url ?? "/").slice(1)
    const language = request.headers["accept-language"]?.startsWith("es") ? "es" : "en"
    const entry = manifest.files.find(({ file }) => file === path || file === `pages/${path}.${language}.html`)
    if (!entry) {
      response.writeHead(404).end()
      return
    }
    const policy =
      entry.csp ?? "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'"
    const text = await readFile(join(folder, entry.file))
    // What the server would write into its places, when there is nothing to say.
    const filled = text
      .toString()
      .replaceAll("{{product}}", "Onboarding System")
      .replace(/\{\{\w+\}\}/g, "")
    const content = gzipSync(entry.file.startsWith("pages/") ? filled : text)
    response.writeHead(200, {
      "Content-Type": entry.type,
      "Content-Encoding": "gzip",
      "Content-Security-Policy": policy,
    })
    response.end(content)
  })
  await new Promise(resolve => server.listen(0, "127.0.0.1", () => resolve(undefined)))
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address())
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
