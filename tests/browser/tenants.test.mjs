// The life of a tenant as staff lead it in the console: its settings, two people at once, holds, maintenance, many at
// once, and the end; and the login that a customer is shown once.

import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { before, test } from "node:test"
import { useBrowser } from "../support/browser.mjs"
import { until } from "../support/until.mjs"
import { SERVER, STAFF, screenshot, settled, wordsIn } from "./support.mjs"
import { showAccess, showTenant } from "./tenant-states.mjs"

/** @typedef {import("./support.mjs").Page} Page */

/** @type {import("./support.mjs").BrowserContext} */
let office
let csrf = ""

const { asStaff, asVisitor } = useBrowser()

before(async () => {
  office = await asStaff({ language: "en" })
  csrf = (await (await office.request.get(`${SERVER}/api/admin/me`)).json()).csrf_token
})

/** @param {string} method @param {string} path @param {unknown} [data] @param {Record<string, string>} [headers] */
async function api(method, path, data, headers = {}) {
  const answer = await office.request.fetch(`${SERVER}${path}`, {
    method,
    data,
    headers: { Origin: SERVER, "X-CSRF-Token": csrf, ...headers },
  })
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`)
  return answer.json()
}

/** A tenant that runs. @param {string} name */
async function makeTenant(name) {
  const subdomain = `${name}-${Date.now().toString(36)}`
  const person = {
    company: "Page & Sons",
    name: "Paula Page",
    email: "paula@page.example",
    country: "ES",
    locale: "es",
  }
  const { id } = await api(
    "POST",
    "/api/tenants",
    { ...person, subdomain, plan: "starter" },
    { "Idempotency-Key": subdomain },
  )
  await inState(id, "live")
  return { id, subdomain, path: `/api/tenants/${id}` }
}

/** @param {string} id @param {string} state */
const inState = (id, state) =>
  until(`${id} is ${state}`, async () => (await api("GET", `/api/tenants/${id}`)).state === state, { every: 200 })

/** One that signs itself. @param {string} domain */
function certificateFor(domain) {
  const folder = mkdtempSync("/tmp/onboarding-test-")
  const at = (/** @type {string} */ name) => join(folder, name)
  try {
    const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -addext subjectAltName=DNS:${domain}`
    const files = ["-subj", "/O=Customers of tests", "-keyout", at("key"), "-out", at("certificate")]
    execFileSync("openssl", [...words.split(" "), ...files], { stdio: "ignore" })
    return { certificate: readFileSync(at("certificate"), "utf8"), key: readFileSync(at("key"), "utf8") }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param {Page} page @param {string} address */
async function open(page, address) {
  await page.goto(SERVER + address)
  await settled(page)
}

test("a tenant that nobody pays for: the form knows what the API takes, what is wrong stands at the fields", async () => {
  const words = await wordsIn("es")
  const context = await asStaff({ language: "es", width: 390 })
  const page = await context.newPage()
  await open(page, "/admin/tenants?new")
  const form = page.getByRole("dialog", { name: words("new_tenant.title") })
  const control = (/** @type {string} */ name) => form.locator(`[name=${name}]`)
  await control("company").waitFor()
  const { properties } = (await api("GET", "/openapi.json")).paths["/api/tenants"].post.requestBody.content[
    "application/json"
  ].schema
  for (const name of ["company", "name", "email", "subdomain"]) {
    assert.equal(await control(name).getAttribute("maxlength"), String(properties[name].maxLength), name)
    assert.equal(await control(name).getAttribute("required"), "", name)
  }
  assert.deepEqual(
    await control("locale")
      .locator("option")
      .evaluateAll((/** @type {Element[]} */ options) => options.map(option => option.getAttribute("value"))),
    properties.locale.enum,
  )
  assert.equal(await control("locale").inputValue(), "es")
  await form.locator("[data-action]").click()
  await form.locator("[name=company][aria-invalid]").waitFor()
  assert.equal(await form.locator("[name=country][aria-invalid]").count(), 1)
  await screenshot(page, "tenant-new")
  const taken = await makeTenant("new")
  for (const [name, text] of [
    ["company", "Nobody Pays"],
    ["name", "Nora Nobody"],
    ["email", "nora@nobody.example"],
    ["subdomain", taken.subdomain],
  ])
    await control(name).fill(text)
  await control("country").selectOption("ES")
  await form.locator("[data-action]").click()
  await form.locator("[name=subdomain][aria-invalid]").waitFor()
  await control("subdomain").fill(`${taken.subdomain}-too`)
  await form.locator("[data-action]").click()
  await page.waitForURL(/\/admin\/tenants\/ten_\d+$/)
  await page.getByRole("heading", { name: `${taken.subdomain}-too` }).waitFor()
  await context.close()
})

test("two people change one tenant; both see both values", async () => {
  const words = await wordsIn("en")
  const tenant = await makeTenant("merge")
  const page = await office.newPage()
  await open(page, `/admin/tenants/${tenant.id}/config`)
  await page.fill("#max_users", "0")
  await page.click("#save")
  await page.locator("#max_users[aria-invalid]").waitFor()
  assert.match(await page.title(), /^Error:/)
  await page.click("#form-errors a")
  assert.equal(await page.evaluate(() => document.activeElement?.id), "max_users", "the link leads to the field")

  await page.fill("#max_users", "41")
  const { version } = await api("GET", tenant.path)
  await api("PATCH", tenant.path, { max_users: 17 }, { "If-Match": `"${version}"` })
  await page.click("#save")
  const question = page.getByRole("dialog")
  await question.getByText(words("config.merge_theirs", { value: "17" })).waitFor()
  await question.getByText(words("config.merge_mine", { value: "41" })).waitFor()
  await screenshot(page, "tenant-merge")
  await question.locator("[data-action]").click()
  await page.locator(".saved-bar", { hasText: words("config.saved") }).waitFor()
  assert.equal((await api("GET", tenant.path)).max_users, 41)
  assert.equal(await page.locator("#save-bar").isVisible(), false)
  await page.close()
})

test("another plan shows what it costs, brings its limits, and can be called off", async () => {
  const words = await wordsIn("es")
  const tenant = await makeTenant("plan")
  const context = await asStaff({ language: "es", width: 390 })
  const page = await context.newPage()
  await open(page, `/admin/tenants/${tenant.id}/config`)
  await page.selectOption("#plan", "business")
  const { plans } = await api("GET", "/api/plans")
  const business = plans.find((/** @type {{ id: string }} */ { id }) => id === "business")
  assert.equal(await page.inputValue("#max_users"), String(business.max_users))
  await page.click("#save")
  const question = page.getByRole("dialog")
  await question.getByText(words("plan_change.free")).waitFor()
  await screenshot(page, "tenant-plan")
  await page.keyboard.press("Escape")
  assert.equal((await api("GET", tenant.path)).plan, "starter", "nothing was done")
  await page.click("#save")
  await question.locator("[data-action]").click()
  await page.locator(".saved-bar", { hasText: words("config.saved") }).waitFor()
  const changed = await api("GET", tenant.path)
  assert.deepEqual([changed.plan, changed.max_users], ["business", business.max_users])

  // Twice of it: the limits follow in the form, and the question says so.
  await page.fill("#quantity", "2")
  assert.equal(await page.inputValue("#max_users"), String(2 * business.max_users))
  await page.click("#save")
  await question.getByRole("heading", { name: "2 × Business" }).waitFor()
  await screenshot(page, "tenant-plan-twice")
  await question.locator("[data-action]").click()
  await page.locator(".saved-bar", { hasText: words("config.saved") }).waitFor()
  const twice = await api("GET", tenant.path)
  assert.deepEqual([twice.plan_quantity, twice.max_users], [2, 2 * business.max_users])
  // More than can be had: said at the field.
  await page.fill("#quantity", "90")
  await page.click("#save")
  await page.locator("#quantity[aria-invalid]").waitFor()
  await open(page, `/admin/tenants/${tenant.id}`)
  await page.locator("#overview").getByText("2 × Business").waitFor()
  await context.close()
})

test("held with a note, in maintenance with a message, and free again", async () => {
  const words = await wordsIn("en")
  const tenant = await makeTenant("hold")
  const page = await office.newPage()
  await open(page, `/admin/tenants/${tenant.id}/config`)
  await page.click("#holds-action button")
  const place = page.getByRole("alertdialog")
  assert.equal(await place.locator(":focus").textContent(), words("dialog.cancel"), "the safe button has the focus")
  await place.locator("[name=reason]").selectOption("abuse")
  await place.locator("[name=note]").fill("sends too many mails")
  await place.locator("[data-action]").click()
  await page.locator("#holds-list", { hasText: "sends too many mails" }).waitFor()
  await inState(tenant.id, "suspended")
  await page.locator("#holds-list button").click()
  await page.getByRole("dialog").locator("[data-action]").click()
  await page.locator("#holds-list", { hasText: words("holds.none") }).waitFor()
  await inState(tenant.id, "live")

  await page.click("#maintenance-action button")
  const plan = page.getByRole("dialog")
  await plan.locator("[name=message]").fill("Back at noon.")
  await plan.getByRole("figure").getByText("Back at noon.").waitFor()
  await plan.locator("[data-action]").click()
  await page.locator("#maintenance-body", { hasText: "Back at noon." }).waitFor()
  const { maintenance } = await api("GET", tenant.path)
  assert.deepEqual([maintenance.active, maintenance.message], [true, "Back at noon."])
  await page.getByRole("button", { name: words("maintenance.end") }).click()
  await page.locator("#maintenance-body", { hasText: words("maintenance.none") }).waitFor()
  await page.close()
})

test("a domain is refused, added, diagnosed in words, certified by an upload, and removed", async () => {
  const words = await wordsIn("en")
  const tenant = await makeTenant("domain")
  const domain = `shop.${tenant.subdomain}.example`
  const page = await office.newPage()
  await open(page, `/admin/tenants/${tenant.id}/config#domains`)
  await page.locator("#domains-body", { hasText: words("domains.none") }).waitFor()
  await page.click("#domains-action button")
  const adding = page.getByRole("dialog")
  await adding.locator("[name=domain]").fill("https://shop.example/")
  await adding.locator("[data-action]").click()
  await adding.getByRole("alert").getByText(words("field_problem.not_a_domain")).waitFor()
  await adding.locator("[name=domain]").fill(domain)
  await adding.locator("[data-action]").click()
  const row = page.locator(`[data-domain="${domain}"]`)
  await row.getByText(words("domain_state.waiting_for_dns")).waitFor()
  // Nobody has this name, or nobody can be asked: either is said in a sentence that names it.
  await row.locator("p.wrap-anywhere", { hasText: domain }).waitFor()

  await row.getByRole("button").first().click()
  await page.getByText(words("domains.upload"), { exact: true }).click()
  const uploading = page.getByRole("dialog")
  await uploading.locator("[name=certificate]").fill("rubbish")
  await uploading.locator("[name=private_key]").fill("rubbish")
  await uploading.locator("[data-action]").click()
  await uploading.getByRole("alert").getByText(words("field_problem.certificate_unreadable")).waitFor()
  const { certificate, key } = certificateFor(domain)
  await uploading.locator("[name=certificate]").fill(certificate)
  await uploading.locator("[name=private_key]").fill(key)
  await uploading.locator("[data-action]").click()
  await row.getByText("Customers of tests").waitFor()

  await row.getByRole("button").first().click()
  await page.getByText(words("domains.remove"), { exact: true }).click()
  await page.getByRole("alertdialog").locator("[data-action]").click()
  await page.locator("#domains-body", { hasText: words("domains.none") }).waitFor()
  assert.deepEqual((await api("GET", `${tenant.path}/domains`)).data, [])
  await page.close()
})

test("nothing is deleted before it is ticked, typed and confirmed", async () => {
  const words = await wordsIn("en")
  const tenant = await makeTenant("end")
  const page = await office.newPage()
  await open(page, `/admin/tenants/${tenant.id}/config`)
  await page.getByRole("button", { name: words("danger.delete_action") }).click()
  const question = page.getByRole("alertdialog")
  await question.locator("[data-action]").click()
  await question.locator("[name=confirm][aria-invalid]").waitFor()
  assert.equal(await question.locator("[type=checkbox][aria-invalid]").count(), 3)
  await screenshot(page, "tenant-delete")
  for (const box of await question.locator("[type=checkbox]").all()) await box.check()
  await question.locator("[name=confirm]").fill(tenant.subdomain)
  await question.locator("[data-action]").click()
  const proof = page.locator("dialog[aria-labelledby=step-up-title]")
  const done = page.locator("#danger #done", { hasText: words("danger.delete_done") })
  await proof.or(done).first().waitFor()
  if (await proof.isVisible()) {
    await proof.locator("[type=password]").fill(STAFF.password)
    await proof.locator("[type=submit]").click()
  }
  await done.waitFor()
  assert.notEqual((await api("GET", tenant.path)).delete_requested_at, null)
  await page.close()
})

test("many at once: all that match, how many is said, and a reason for each that was left out", async () => {
  const words = await wordsIn("en")
  const name = `many-${Date.now().toString(36)}`
  const made = [await makeTenant(`${name}-a`), await makeTenant(`${name}-b`)]
  await api("POST", `${made[1].path}/holds`, { reason: "abuse" })
  await inState(made[1].id, "suspended")
  const page = await office.newPage()
  await open(page, `/admin/tenants?q=${name}`)
  await page.check("#select-page")
  await page.click("#bulk-restart")
  const question = page.getByRole("alertdialog")
  await question.getByRole("heading", { name: /2/ }).waitFor()
  await question.locator("[name=reason]").fill("end of the test")
  await question.getByText(words("bulk.would", { selectable: "1", matching: "2" })).waitFor()
  await question.getByText(words("reason.state_is", { state: words("state.suspended") })).waitFor()
  await screenshot(page, "tenants-bulk")
  await question.locator("[data-action]").click()
  const result = page.locator("[data-batch=over]")
  await result.waitFor({ timeout: 30_000 })
  await result.getByText(words("bulk.finished", { done: "1", total: "2", skipped: "1", failed: "0" })).waitFor()
  const why = words("reason.state_is", { state: words("state.suspended") })
  await result.locator("tr", { hasText: made[1].subdomain }).getByText(why).waitFor()
  await screenshot(page, "tenants-bulk-result")
  const csv = await office.request.get(SERVER + (await result.locator("a[href$='format=csv']").getAttribute("href")))
  assert.match(await csv.text(), new RegExp(made[0].subdomain))
  const { data } = await api("GET", `${made[0].path}/operations`)
  assert.deepEqual([data[0].kind, data[0].requested_by], ["restart", STAFF.email])
  await page.close()
})

test("a tenant that does not get out of its state says why, and can be tried again", async () => {
  const page = await office.newPage()
  const failure = { code: "place_and_backup_lost", detail: null, attempt: 0, retry_at: "2026-11-30T12:00:00Z" }
  await showTenant(page, { state: "resuming", holds: [], holds_detail: [], failure })
  let asked = 0
  await page.route(
    url => url.pathname === "/api/tenants/ten_7/retry",
    route => {
      asked += 1
      return route.fulfill({ json: {} })
    },
  )
  await open(page, "/admin/tenants/ten_7")
  await page.locator("#problem", { hasText: "place_and_backup_lost" }).waitFor()
  await page.click("#retry")
  await until("it was asked for", () => asked === 1)
  // Who does not want to wait any longer has it stand still again.
  await open(page, "/admin/tenants/ten_7/config")
  await page.locator("#danger-list button").first().waitFor()
  assert.equal(await page.locator("#danger-list li").count(), 2)
  await page.close()
})

test("what happens next stands there with its days, and can be paused for a customer who was agreed with", async () => {
  const page = await office.newPage()
  await showTenant(page)
  const agreed = { is_paused: false, not_before: null, note: null, version: 3, changed_at: null, changed_by: null }
  /** @type {{ body: any, version: string } | undefined} */
  let sent
  await page.route(
    url => url.pathname === "/api/customers/cus_7/dunning",
    route => {
      const request = route.request()
      if (request.method() === "PUT") sent = { body: request.postDataJSON(), version: request.headers()["if-match"] }
      return route.fulfill({ json: agreed })
    },
  )
  await open(page, "/admin/tenants/ten_7")
  await page.locator("#next li").first().waitFor()
  assert.equal(await page.locator("#next li").count(), 13)
  assert.match(
    await page.locator("#next li").nth(5).innerText(),
    /The tenant is suspended\s*A1B2C3D4-0007, €49\.00\s*Coming/,
  )
  assert.match(await page.locator("#next li").last().innerText(), /^Waits/)
  await page.click("#next-action button")
  await page.locator("dialog").getByLabel("Pause until somebody ends it").check()
  await page.locator("dialog").getByLabel("What was agreed").fill("Pays on Friday")
  await page.locator("dialog").getByRole("button", { name: "Save the agreement" }).click()
  await until("it was sent", () => sent !== undefined)
  assert.deepEqual(sent, { body: { is_paused: true, not_before: null, note: "Pays on Friday" }, version: '"3"' })
  await page.locator("dialog[open]").waitFor({ state: "detached" })
  await page.close()
})

test("work that is not saved is not lost by leaving", async () => {
  const page = await office.newPage()
  await showTenant(page)
  await open(page, "/admin/tenants/ten_7/config")
  await page.fill("#max_users", "26")
  await page.locator("#changes li", { hasText: "25 → 26" }).waitFor()
  let asked = false
  page.on("dialog", dialog => {
    asked = dialog.type() === "beforeunload"
    dialog.accept()
  })
  await page.goto(`${SERVER}/admin/tenants`)
  assert.equal(asked, true)
  await page.close()
})

test("a login is shown on request, once, and then not again", async () => {
  const words = await wordsIn("es")
  const context = await asVisitor({ language: "es", width: 390 })
  const page = await context.newPage()
  await showAccess(page, 200)
  await open(page, "/access/shown")
  assert.equal((await page.content()).includes("correct-horse-battery"), false)
  await page.click("#show-login")
  await page.locator("#open-system").waitFor()
  const copied = page.getByLabel(words("access.password"), { exact: true })
  assert.equal(await copied.inputValue(), "correct-horse-battery")
  await screenshot(page, "access-shown")
  await page.unrouteAll()
  await open(page, "/access/no-such-token")
  await page.click("#show-login")
  await page.getByText(words("access_over.access_not_found")).waitFor()
  assert.equal(await page.locator("#show-login").isVisible(), false)
  await context.close()
})
