// How a number stands to an earlier one. Zero before is not "nothing to compare", and unknown is not zero.

/** @typedef {"up" | "down" | "same" | "from_zero" | "nothing_earlier"} State */
/** @typedef {{ state: State, difference: number, share: number | null }} Change */

/** @param {number | null} now @param {number | null | undefined} before @returns {Change} */
export function changeOf(now, before) {
  if (now === null || before === null || before === undefined)
    return { state: "nothing_earlier", difference: 0, share: null }
  const difference = now - before
  if (difference === 0) return { state: "same", difference, share: 0 }
  if (before === 0) return { state: "from_zero", difference, share: null }
  // Of a loss that shrinks the change is up as well: it is measured by what there was.
  return { state: difference > 0 ? "up" : "down", difference, share: difference / Math.abs(before) }
}

/** Sum of a column over all rows; none when nothing is known. @param {import("./series.js").Row[]} rows @param {number} column */
export function totalOf(rows, column) {
  const known = rows.flatMap(({ values }) =>
    values[column] === null || values[column] === undefined ? [] : [values[column]],
  )
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

/** The column's value at the end of the last row. @param {import("./series.js").Row[]} rows @param {number} column */
export const lastOf = (rows, column) => rows[rows.length - 1]?.values[column] ?? null
