// Months of MRR movements in one currency. The server leaves out months in which nothing happened; a chart must not.

/** @typedef {import("./metrics.js").MrrMonth} MrrMonth */

/** The last `count` months. @param {MrrMonth[]} months @param {string} currency @param {string} asOf when the numbers were true @param {number} [count] */
export function lastMonths(months, currency, asOf, count = 12) {
  const known = months.filter(month => month.currency === currency)
  const newest = [asOf.slice(0, 7), ...known.map(({ month }) => month)].sort().at(-1) ?? asOf
  const [year, month] = newest.split("-").map(Number)
  const names = Array.from({ length: count }, (_, index) => {
    return new Date(Date.UTC(year, month - count + index, 1)).toISOString().slice(0, 7)
  })
  let end = known.filter(({ month: name }) => name < names[0]).at(-1)?.end ?? startOf(known[0])
  return names.map(name => {
    const found = known.find(({ month: other }) => other === name)
    end = found?.end ?? end
    return found ?? { month: name, currency, new: 0, expansion: 0, contraction: 0, churn: 0, reactivation: 0, end }
  })
}

/** Older months from the history, the others as they are now. @param {MrrMonth[]} older @param {MrrMonth[]} newer */
export function joinMonths(older, newer) {
  const oldest = newer.map(({ month }) => month).sort()[0] ?? "9"
  return [...older.filter(({ month }) => month < oldest), ...newer]
}

/** MRR before a month. @param {MrrMonth | undefined} month */
function startOf(month) {
  return month ? month.end - netOf(month) : 0
}

/** @param {MrrMonth} month */
export const gainedIn = month => month.new + month.expansion + month.reactivation
/** @param {MrrMonth} month */
export const lostIn = month => month.contraction + month.churn
/** @param {MrrMonth} month */
export const netOf = month => gainedIn(month) - lostIn(month)
