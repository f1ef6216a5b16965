// From the list of pages: whose tab or part a page is, what the rail marks, and what the server is told.

import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { test } from "node:test"
import { lineOf, rail, wayOf } from "../build/navigation.mjs"
import { isFindable, PAGES, pageNamed, RAIL, routeOf, scriptOf } from "../build/page-list.mjs"

/** @typedef {import("../build/page-list.mjs").Page} Page */

const words = { text: (/** @type {string} */ key) => key, icon: (/** @type {string} */ name) => `(${name})` }
const page = (/** @type {string} */ name) => /** @type {Page} */ (pageNamed(name))

test("names and paths are given once", () => {
  for (const of of [PAGES.map(({ name }) => name), PAGES.flatMap(({ path }) => path ?? [])])
    assert.equal(new Set(of).size, of.length)
})

test("each page has its template and its code, and stands below pages that there are", () => {
  for (const entry of PAGES) {
    lineOf(entry)
    if (entry.leadsTo) {
      assert.ok(pageNamed(entry.leadsTo)?.path, entry.name)
      continue
    }
    assert.ok(existsSync(new URL(`../pages/${entry.name}.html`, import.meta.url)), entry.name)
    const script = scriptOf(entry)
    if (script) assert.ok(existsSync(new URL(`../src/pages/${script}.js`, import.meta.url)), script)
  }
  assert.throws(() => lineOf({ name: "lost", title: "", parent: "nowhere" }), /nowhere/)
})

test("every page of the console can be reached from the rail or from the page above it", () => {
  for (const entry of PAGES.filter(({ layout }) => layout === "console"))
    assert.ok(lineOf(entry).at(-1)?.rail, `${entry.name} stands below nothing in the rail`)
  for (const entry of PAGES.filter(({ rail: group }) => group))
    assert.ok(RAIL.includes(/** @type {any} */ (entry.rail)))
})

test("the rail marks where one is, asks for the permission of each entry, and leads past sections", () => {
  const drawn = rail(page("tenant_config"), words)
  assert.match(
    drawn,
    /<li data-scope="tenants:read" data-lists="[^"]*"><a class="rail-link" href="\/admin\/tenants" aria-current="page">/,
  )
  assert.equal(drawn.match(/aria-current/g)?.length, 1)
  assert.match(
    drawn,
    /<li data-scope="billing:read" data-lists="billing_invoices:\/admin\/billing [^"]+"><a class="rail-link" href="\/admin\/billing">/,
  )
  assert.match(drawn, /<li data-lists="team:[^"]+"><a class="rail-link" href="\/admin\/settings\/profile">/)
})

test("tabs of a section appear with their permission; what needs none is there at once", () => {
  const drawn = wayOf(page("settings_team"), words)
  assert.match(drawn, /<li data-scope="roles:read" hidden><a href="\/admin\/settings\/roles">settings\.roles/)
  assert.match(drawn, /<li><a href="\/admin\/settings\/profile">/)
  assert.match(
    drawn,
    /<li data-scope="team:read"><a href="\/admin\/settings\/team" aria-current="page">/,
    "its own keeps their place",
  )
  assert.equal(drawn.match(/aria-current/g)?.length, 1)
})

test("a breadcrumb leads up, and names by its own name what has one", () => {
  const config = wayOf(page("tenant_config"), words)
  assert.match(
    config,
    /href="\/admin\/tenants">tenants\.title<\/a>.*id="breadcrumb" href="\/admin\/tenants">tenant\.title/,
  )
  assert.match(config, /<span class="text-soft">tenant\.config<\/span><\/nav>$/)
  assert.match(
    wayOf(page("invoice"), words),
    /href="\/admin\/billing">billing\.title<\/a>.*href="\/admin\/billing">billing_invoices\.title<\/a>/,
  )
  assert.match(wayOf(page("mail"), words), /<span id="breadcrumb" class="text-soft">mail\.title<\/span><\/nav>$/)
  assert.equal(wayOf(page("dashboard"), words), "")
})

test("what can be found is another question than what is shown", () => {
  assert.equal(isFindable(page("tenant_findings")), true, "it stands in no menu")
  assert.equal(isFindable(page("tenant")), false, "its address needs an id")
  assert.equal(isFindable(page("settings")), false, "its first tab is found")
  assert.equal(isFindable(page("docs")), true)
  assert.equal(isFindable(page("login")), false)
})

test("the server hears the path, whether it is for staff, and where a section leads", () => {
  assert.deepEqual(routeOf(page("billing")), {
    name: "billing",
    path: undefined,
    staff: true,
    leadsTo: "/admin/billing",
    list: undefined,
    scope: undefined,
    findable: false,
  })
  assert.equal(routeOf(page("login")).staff, false)
  assert.equal(routeOf(page("mails")).list, "mails")
})
