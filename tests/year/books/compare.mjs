// Works out again what GET /api/reports/revenue and cohorts have answered, from the events that were
// known, and says where it comes to something else. The file has `events` in the order in which they
// came and `answers`: door, body, and the question with how many events were known by then.
import { readFileSync } from "node:fs"
import { cohortsOf, growthOf } from "./growth.mjs"

/** @typedef {import("./events.mjs").Json} Json */

const { events, answers } = JSON.parse(readFileSync(process.argv[2], "utf8"))
let wrong = 0

/** @param {Json} question @param {string} where @param {Json} expected @param {Json} found */
function compare(question, where, expected, found) {
  for (const [name, value] of Object.entries(expected)) {
    const [due, told] = [JSON.stringify(value), JSON.stringify(found?.[name])]
    if (due === told) continue
    wrong += 1
    if (wrong <= 20) console.log(JSON.stringify({ ...question, where, name, expected: due, found: told }))
  }
}

for (const { door, known, question, body } of answers) {
  const asked = { ...question, events: events.slice(0, known) }
  // Where some have not come yet, those that have do not follow from each other.
  if (known < events.length) asked.problem = () => {}
  const [due, told] = door === "cohorts" ? [cohortsOf(asked), body.cohorts] : [growthOf(asked), body.periods]
  if (due.length !== told.length) compare(question, "all", { length: due.length }, { length: told.length })
  for (const [i, entry] of due.entries())
    compare({ door, known, ...question }, `${i} ${told[i]?.period ?? told[i]?.cohort}`, entry, told[i])
}
console.log(`${answers.length} answers, ${wrong} differences`)
process.exitCode = wrong === 0 ? 0 : 1
