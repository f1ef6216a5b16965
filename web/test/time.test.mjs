// Names of periods, and round times on the wall clock of a zone, on the days when it is changed as well.

import assert from "node:assert/strict"
import { test } from "node:test"
import { usePage } from "./page.mjs"

usePage("en")
const { momentName, periodLabels, periodName, timeTicks } = await import("../src/lib/chart/time.js")

const MADRID = "Europe/Madrid"
/** @param {string} time */
const at = time => Date.parse(time)
/** @param {{ text: string, second: string }[]} labels */
const written = labels => labels.map(({ text, second }) => (second ? `${text}/${second}` : text)).join(" ")
/** @param {string} from @param {string} to @param {number} count @param {string} [zone] */
const ticks = (from, to, count, zone = MADRID) => timeTicks(at(from), at(to), zone, count)

test("a label names the year or the month only where it changes", () => {
  assert.equal(
    written(periodLabels(["2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"], "month")),
    "Nov/2025 Dec Jan/2026 Feb",
  )
  assert.equal(written(periodLabels(["2025-10-01", "2026-01-01"], "quarter")), "Q4/2025 Q1/2026")
  assert.equal(written(periodLabels(["2026-10-30", "2026-10-31", "2026-11-01"], "day")), "30/Oct 31 1/Nov")
  // The same month of another year is another one.
  assert.equal(written(periodLabels(["2025-11-03", "2026-11-02"], "week")), "3/Nov 2/Nov")
  assert.deepEqual(periodLabels([], "day"), [])
})

test("periods have full names", () => {
  assert.equal(periodName("2026-11-01", "month"), "November 2026")
  assert.equal(periodName("2026-10-01", "quarter"), "Q4 2026")
  assert.equal(periodName("2026-11-23", "week"), "Week of 23 Nov 2026")
  assert.equal(periodName("2026-11-29", "day"), "29 Nov 2026")
})

test("a day has round hours, and its date stands where it changes", () => {
  assert.equal(written(ticks("2026-11-28T22:10:00Z", "2026-11-29T22:10:00Z", 5)), "00:00/29 Nov 06:00 12:00 18:00")
})

test("the day that lacks an hour has ticks on round hours of the wall clock", () => {
  // 29 March 2026, 02:00 becomes 03:00.
  const found = ticks("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", 8)
  assert.equal(written(found), "00:00/29 Mar 03:00 06:00 09:00 12:00 15:00 18:00 21:00 00:00/30 Mar")
  assert.equal((found[1].at - found[0].at) / 3_600_000, 2)
  assert.equal(written(ticks("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", 4)), "01:00/29 Mar 03:00 04:00 05:00")
})

test("the day that has an hour twice has no tick twice", () => {
  // 25 October 2026, 03:00 becomes 02:00.
  const found = ticks("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 9)
  assert.equal(written(found), "00:00/25 Oct 03:00 06:00 09:00 12:00 15:00 18:00 21:00 00:00/26 Oct")
  assert.equal((found[1].at - found[0].at) / 3_600_000, 4)
  for (const [index, tick] of found.slice(1).entries()) assert.ok(tick.at > found[index].at)
})

test("days stay midnights across both changes", () => {
  for (const [from, to] of [
    ["2026-03-26T23:00:00Z", "2026-04-02T22:00:00Z"],
    ["2026-10-21T22:00:00Z", "2026-10-28T23:00:00Z"],
  ])
    for (const tick of ticks(from, to, 8)) {
      const wall = new Intl.DateTimeFormat("en-GB", { timeZone: MADRID, hour: "2-digit", minute: "2-digit" }).format(
        tick.at,
      )
      assert.equal(wall, "00:00")
    }
})

test("zones with odd offsets, and one that skips midnight", () => {
  assert.equal(
    written(ticks("2026-11-28T20:00:00Z", "2026-11-29T02:00:00Z", 6, "Asia/Kolkata")),
    "02:00/29 Nov 03:00 04:00 05:00 06:00 07:00",
  )
  // In Chile 6 September 2026 begins at 01:00.
  const days = ticks("2026-09-04T04:00:00Z", "2026-09-08T03:00:00Z", 5, "America/Santiago")
  assert.ok(days.length >= 3)
})

test("no length, a moment and years end", () => {
  assert.ok(ticks("2026-11-29T10:00:00Z", "2026-11-29T10:00:00Z", 5).length <= 1)
  assert.ok(ticks("2016-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 6).length <= 7)
  assert.equal(ticks("2026-11-29T10:00:00Z", "2026-11-29T10:20:00Z", 5).length, 5)
})

test("a moment is named with its zone", () => {
  assert.match(momentName(at("2026-11-29T10:00:00Z"), MADRID), /Sun,? 29 Nov,? (at )?11:00 CET/)
  assert.match(momentName(at("2026-07-29T10:00:00Z"), MADRID), /12:00 CEST/)
})
