// The figures of the dashboard's tiles are those of the end of the chosen range, and say what they are compared with.

import assert from "node:assert/strict"
import { test } from "node:test"
import { FakeElement, row, seriesOf, usePage } from "./page.mjs"

usePage("en")
Object.assign(globalThis, { HTMLElement: FakeElement, customElements: { define() {} } })
const { activeFigure, mrrFigure, netFigure, revenueFigure } = await import("../src/elements/dashboard-tiles.js")
const { FigureTile } = await import("../src/elements/figure-tile.js")
const { monthBegan } = await import("../src/lib/days.js")

const eur = { currency: "eur", amount: 999_00 }
const usd = { currency: "usd", amount: 77_00 }
const metrics = /** @type {any} */ ({
  mrr: [eur, usd],
  net_new_mrr: [eur],
  active_tenants: 12,
  customers: 11,
})

/** @param {{ from: string, to: string } | null} later @param {string} [compared] */
function growthOf(later, compared = "previous_period") {
  const { range } = seriesOf({})
  const of = /** @type {import("../src/lib/chart/series.js").Range} */ ({ ...range, later })
  const mark = /** @type {const} */ ("none")
  return {
    mrr: seriesOf({
      range: of,
      columns: [
        { id: "net", mark },
        { id: "end", mark },
      ],
      rows: [row("2026-09-01", 10_00, 110_00)],
      comparison: { from: "2026-08-01", to: "2026-08-31", rows: [row("2026-08-01", 5_00, 100_00)] },
    }),
    tenants: seriesOf({
      range: of,
      columns: [
        { id: "change", mark },
        { id: "active", mark },
      ],
      rows: [row("2026-09-01", 2, 7)],
    }),
    compared,
  }
}
const past = { from: "2026-10-01", to: "2026-10-31" }

test("other currencies and customers are of now: they stand where the range ends today, and only there", () => {
  assert.deepEqual(mrrFigure(metrics, growthOf(null)).figures, ["€110.00", "US$77.00"])
  assert.deepEqual(mrrFigure(metrics, growthOf(past)).figures, ["€110.00"])
  const [now, then] = [activeFigure(metrics, growthOf(null)), activeFigure(metrics, growthOf(past))]
  assert.deepEqual([now.figures, now.note, now.href], [["12"], "11 customers", "/admin/tenants?state=live"])
  assert.deepEqual([then.figures, then.note, then.href], [["7"], undefined, undefined])
})

test("the words say which range it is compared with", () => {
  assert.equal(mrrFigure(metrics, growthOf(past)).change?.since, "on the previous period")
  assert.equal(mrrFigure(metrics, growthOf(past, "previous_year")).change?.since, "on the same period a year earlier")
  assert.equal(netFigure(metrics, growthOf(past)).note, "Previous period: +€5.00")
  assert.equal(netFigure(metrics, growthOf(past, "previous_year")).note, "Same period a year earlier: +€5.00")
})

test("the change stands directly under the amount that it is of", () => {
  const tile = new FigureTile().describe("MRR", "mrr")
  tile.show(mrrFigure(metrics, growthOf(null)))
  const value = /** @type {any} */ (tile).all("figures")[0]
  const texts = value.children.map((/** @type {FakeElement} */ child) => child.textContent)
  assert.deepEqual([texts[0], texts[2]], ["€110.00", "US$77.00"])
  assert.match(texts[1], /\+10(\.0)?%.*on the previous period/)
})

test("each amount of revenue leads to the invoices of its currency that were paid since the month began there", () => {
  const month = /** @type {any} */ ({
    revenue: [eur, usd],
    revenue_previous_month: [],
    as_of: "2026-11-30T23:30:00Z",
    timezone: "Europe/Madrid",
  })
  const figure = revenueFigure(month)
  const queries = (figure.links ?? []).map(link => Object.fromEntries(new URL(link, "http://here").searchParams))
  const since = { status: "paid", paid_from: "2026-11-30T23:00:00.000Z", sort: "-payment_date" }
  assert.deepEqual(queries, [
    { ...since, currency: "eur" },
    { ...since, currency: "usd" },
  ])
  const tile = new FigureTile().describe("Revenue", "revenue")
  tile.show(figure)
  const amounts = /** @type {any} */ (tile).all("figure")
  assert.deepEqual(
    amounts.map((/** @type {FakeElement} */ one) => [one.tag, one.attributes["aria-label"]]),
    [
      ["a", "Revenue: €999.00"],
      ["a", "Revenue: US$77.00"],
    ],
  )
  tile.show({ ...figure, links: undefined })
  assert.deepEqual(
    /** @type {any} */ (tile).all("figure").map((/** @type {FakeElement} */ one) => one.tag),
    ["span", "span"],
    "who may not read invoices reads the amounts",
  )
})

test("a month begins at midnight where the books are, also behind a change of clocks", () => {
  assert.equal(monthBegan("2026-10-31T12:00:00Z", "Europe/Madrid"), "2026-09-30T22:00:00.000Z")
  assert.equal(monthBegan("2026-11-01T00:10:00Z", "America/New_York"), "2026-10-01T04:00:00.000Z")
  assert.equal(monthBegan("2026-11-30T12:00:00Z", "UTC"), "2026-11-01T00:00:00.000Z")
})
