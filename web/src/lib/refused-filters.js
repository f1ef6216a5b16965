// What stands in an address and is not understood: said and left out, so that an old or mistyped link is no dead page.

import { ApiProblem } from "./api.js"

const UNREADABLE = /[\p{Cc}\uFFFD]/u

/** The parameters that the server does not take as they are. @param {unknown} problem @param {URLSearchParams} query */
export function refusedFilters(problem, query) {
  if (!(problem instanceof ApiProblem)) return []
  // What cannot be read at all is refused without saying which parameter it was.
  if (problem.status === 400) return [...new Set(query.keys())].filter(name => UNREADABLE.test(query.get(name) ?? ""))
  if (problem.status !== 422) return []
  const names = problem.errors.filter(({ pointer }) => pointer.startsWith("?")).map(({ pointer }) => pointer.slice(1))
  return [...new Set(names.map(name => name.split("/")[0]))].filter(name => query.has(name))
}
