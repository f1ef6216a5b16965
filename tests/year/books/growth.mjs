// D7 to D10 once more: levels, movements, retention and cohorts of recurring revenue by period, from
// events alone. Where the definitions leave it open, they are read thus:
// - A balance is that of its instant; of a period that runs, that of `until`.
// - Of a period's end against its beginning, new is who had no revenue at the end of any earlier
//   month (for days and weeks: day, week).
// - A period that has not begun at `until` is none.
// - A year before is a year before the end, where that is a month's.
import { dayOf, isBefore, monthsBetween, nextMonth, startOfDay } from "./calendar.mjs"
import { inOrder } from "./events.mjs"
import { least, sum } from "./money.mjs"
import { movementsOf } from "./mrr.mjs"
import { allSteps, secondsOf } from "./recompute.mjs"

/** @typedef {import("./events.mjs").Json} Json */
/** @typedef {import("./mrr.mjs").Step} Step */
/** @typedef {import("./calendar.mjs").Cut} Cut */
/** @typedef {"day" | "week" | "month" | "quarter"} Granularity */
/** @typedef {{ name: string, first: string, next: string }} Period days; `next` is the one after it */
/** @typedef {{ before: bigint, after: bigint, isFirst: boolean }} Standing one customer's, between two instants */

const kinds = ["new", "reactivation", "expansion", "contraction", "churn"]

/** @param {string} day @param {number} days */
const plusDays = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)

/** @param {string} day */
const mondayOf = day => plusDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7))

/** The day on which the unit after that of a day begins. @param {Granularity} granularity @param {string} day */
function nextUnit(granularity, day) {
  if (granularity === "day") return plusDays(day, 1)
  if (granularity === "week") return plusDays(mondayOf(day), 7)
  let month = nextMonth(day.slice(0, 7))
  if (granularity === "quarter") while ((Number(month.slice(5)) - 1) % 3 !== 0) month = nextMonth(month)
  return `${month}-01`
}

/** @param {Granularity} granularity @param {string} day */
function nameOf(granularity, day) {
  if (granularity === "month") return day.slice(0, 7)
  if (granularity === "quarter") return `${day.slice(0, 4)}-Q${Math.ceil(Number(day.slice(5, 7)) / 3)}`
  return day
}

/**
 * Whole months, cut up.
 * @param {Granularity} granularity @param {string} from @param {string} to @returns {Period[]}
 */
function periodsOf(granularity, from, to) {
  const end = `${nextMonth(to)}-01`
  const periods = []
  for (let first = `${from}-01`; first < end; ) {
    const unit = nextUnit(granularity, first)
    const next = unit < end ? unit : end
    periods.push({ name: nameOf(granularity, first), first, next })
    first = next
  }
  return periods
}

/** Six decimals, a half to the larger number. @param {bigint | number} over @param {bigint | number} under */
function ratio(over, under) {
  if (BigInt(under) === 0n) return null
  const [top, bottom] = [BigInt(over) * 2_000_000n + BigInt(under), BigInt(under) * 2n]
  const floor = top / bottom - (top % bottom < 0n ? 1n : 0n)
  return Number(floor) / 1e6
}

/** @param {bigint} over @param {bigint} under */
const share = (over, under) => (under === 0n ? null : Number((over * 2n + under) / (under * 2n)))

/** @param {Standing} standing */
function kindOf({ before, after, isFirst }) {
  if (before === after) return null
  if (before === 0n) return isFirst ? "new" : "reactivation"
  if (after === 0n) return "churn"
  return after > before ? "expansion" : "contraction"
}

/** @param {bigint} value */
const size = value => (value < 0n ? -value : value)

/** @param {{ kind: string | null, amount: bigint }[]} moves */
const amountsOf = moves =>
  Object.fromEntries(
    kinds.map(kind => [kind, Number(sum(moves.filter(move => move.kind === kind).map(({ amount }) => amount)))]),
  )

/** @param {{ kind: string | null }[]} moves */
const countsOf = moves => Object.fromEntries(kinds.map(kind => [kind, moves.filter(move => move.kind === kind).length]))

/** What becomes of those who paid at a beginning. @param {Standing[]} standings */
function retentionOf(standings) {
  const paid = standings.filter(({ before }) => before > 0n)
  const before = sum(paid.map(entry => entry.before))
  const lost = paid.filter(({ after }) => after === 0n).length
  return {
    nrr: ratio(sum(paid.map(({ after }) => after)), before),
    grr: ratio(sum(paid.map(entry => least(entry.before, entry.after))), before),
    lost,
    count: paid.length,
  }
}

/** @param {string} text */
function fail(text) {
  throw new Error(text)
}

class Books {
  /**
   * @param {{ events: Json[], objects?: Json, zone: string, policy: import("./discounts.mjs").Policy, currency: string,
   *   until: number, problem?: (text: string) => void }} question
   */
  constructor({ events, objects = {}, zone, policy, currency, until, problem = fail }) {
    /** @type {Cut} */
    this.cut = { at: secondsOf(until), included: true }
    this.zone = zone
    const steps = allSteps(inOrder(events), objects, policy, problem)
    this.steps = steps.filter(step => step.currency === currency && isBefore(step.at, this.cut))
    this.movements = movementsOf(this.steps, zone)
    this.customers = [...new Set(this.movements.map(({ customer }) => customer))]
  }

  /** What a customer pays when a day begins, or at the end of all that is known. @param {string} customer @param {string} day */
  level(customer, day) {
    const at = startOfDay(this.zone, day)
    const cut = at <= this.cut.at ? { at, included: false } : this.cut
    return sum(
      this.steps.filter(step => step.customer === customer && isBefore(step.at, cut)).map(({ delta }) => delta),
    )
  }

  /** Whether a unit that ended before a day ended with revenue. @param {string} customer @param {Granularity} unit @param {string} day */
  paidBefore(customer, unit, day) {
    const first = this.movements.find(movement => movement.customer === customer)?.day ?? day
    for (let end = nextUnit(unit, first); end <= day; end = nextUnit(unit, end))
      if (this.level(customer, end) > 0n) return true
    return false
  }

  /** @param {string} first @param {string} next @param {Granularity} unit @returns {Standing[]} */
  standings(first, next, unit) {
    return this.customers.map(customer => ({
      before: this.level(customer, first),
      after: this.level(customer, next),
      isFirst: !this.paidBefore(customer, unit, first),
    }))
  }
}

/** @param {Books} books @param {Period} period @param {Granularity} granularity */
function figuresOf(books, { name, first, next }, granularity) {
  const unit = granularity === "quarter" ? "month" : granularity
  const standings = books.standings(first, next, unit)
  const start = sum(standings.map(({ before }) => before))
  const end = sum(standings.map(({ after }) => after))
  const customers = standings.filter(({ after }) => after > 0n).length
  const moves = books.movements.filter(({ day }) => first <= day && day < next)
  const moved = amountsOf(moves)
  const counts = countsOf(moves)
  const netted = standings.map(entry => ({ kind: kindOf(entry), amount: size(entry.after - entry.before) }))
  const { nrr, grr, lost, count } = retentionOf(standings)
  const up = moved.expansion + moved.reactivation
  const down = moved.churn + moved.contraction
  const hasYear = next.endsWith("-01") && (granularity === "month" || granularity === "quarter")
  const yearBefore = `${Number(next.slice(0, 4)) - 1}${next.slice(4)}`
  const year = hasYear ? retentionOf(books.standings(yearBefore, next, unit)) : null
  return {
    period: name,
    mrr_start: Number(start),
    mrr_end: Number(end),
    arr_end: Number(end * 12n),
    customers_start: count,
    customers_end: customers,
    movements: moved,
    movement_counts: counts,
    movements_month_netted: amountsOf(netted),
    fx: 0,
    nrr,
    grr,
    logo_churn: ratio(lost, count),
    stripe_churn: ratio(counts.churn, count + counts.new + counts.reactivation),
    gross_mrr_churn: ratio(down, start),
    net_mrr_churn: ratio(down - up, start),
    growth: ratio(end - start, start),
    quick_ratio: ratio(up + moved.new, down),
    arpa: share(end, BigInt(customers)),
    ltv: granularity === "month" ? share(end * BigInt(count), BigInt(customers * lost)) : null,
    nrr_12: year?.nrr ?? null,
    grr_12: year?.grr ?? null,
    logo_retention_12: year && ratio(year.count - year.lost, year.count),
  }
}

/**
 * The periods of GET /api/reports/revenue, growth and churn.
 * @param {Json} question events, objects, zone, policy, currency, until; from, to (months), granularity
 */
export function growthOf(question) {
  const books = new Books(/** @type {any} */ (question))
  const today = dayOf(question.zone, books.cut.at)
  return periodsOf(question.granularity, question.from, question.to)
    .filter(({ first }) => first <= today)
    .map(period => figuresOf(books, period, question.granularity))
}

/** The cohorts of GET /api/reports/cohorts. @param {Json} question the same */
export function cohortsOf(question) {
  const books = new Books(/** @type {any} */ (question))
  const last = dayOf(question.zone, books.cut.at).slice(0, 7)
  const came = new Map(
    books.customers.map(customer => [
      customer,
      books.movements.find(movement => movement.customer === customer)?.day.slice(0, 7),
    ]),
  )
  const months = monthsBetween(question.from, question.to).filter(month => month <= last)
  return months.map(cohort => {
    const members = books.customers.filter(customer => came.get(customer) === cohort)
    const levels = monthsBetween(cohort, last).map(month =>
      members.map(customer => books.level(customer, `${nextMonth(month)}-01`)),
    )
    const mrr = levels.map(amounts => sum(amounts))
    const customers = levels.map(amounts => amounts.filter(amount => amount > 0n).length)
    return {
      cohort,
      size: members.length,
      mrr0: Number(mrr[0]),
      logo: customers.map(count => ratio(count, members.length)),
      customers,
      mrr: mrr.map(Number),
      revenue_retention: mrr.map(amount => ratio(amount, mrr[0])),
    }
  })
}
