// What stands in an address and is not understood: said and left out, so that an old or mistyped link is no dead page.

import { ApiProblem, fieldSentence } from "./api.js"
import { t } from "./messages.js"

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

/** What is wrong with each of them. @param {unknown} problem @param {string[]} names @returns {Record<string, string>} */
export function refusals(problem, names) {
  const errors = problem instanceof ApiProblem ? problem.errors : []
  const of = (/** @type {string} */ name) => errors.find(({ pointer }) => pointer.slice(1).split("/")[0] === name)
  return Object.fromEntries(names.map(name => [name, sentence(of(name))]))
}

/** @param {Parameters<typeof fieldSentence>[0] | undefined} error */
const sentence = error => (error ? fieldSentence(error) : t("field_problem.invalid"))
