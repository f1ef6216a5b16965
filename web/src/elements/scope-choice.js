// Choosing permissions: a box for each, grouped by what it is about; what one does not have cannot be given.

import { h } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"

/** @param {import("../lib/team.js").Scope[]} scopes @param {string[]} own @param {string[]} chosen */
export function scopeChoice(scopes, own, chosen) {
  /** @type {Map<string, string[]>} */
  const byNoun = new Map()
  for (const { scope } of scopes) {
    const noun = scope.split(":")[0]
    byNoun.set(noun, [...(byNoun.get(noun) ?? []), scope])
  }
  return h(
    "fieldset",
    { class: "field" },
    h("legend", {}, t("scopes.title")),
    h("p", { class: "hint" }, t("scopes.hint")),
    h(
      "div",
      { class: "mt-1 grid max-h-72 gap-x-6 gap-y-1 overflow-auto sm:grid-cols-2", tabindex: "0", role: "group" },
      ...[...byNoun].map(([noun, members]) =>
        h(
          "div",
          { class: "flex flex-wrap items-center gap-x-4 py-1" },
          h("span", { class: "basis-28 font-medium" }, label("scope_noun", noun)),
          ...members.map(scope => box(scope, own.includes(scope), chosen.includes(scope))),
        ),
      ),
    ),
    h("p", { class: "field-error", id: "scopes-error" }),
  )
}

/** @param {string} scope @param {boolean} allowed @param {boolean} checked */
function box(scope, allowed, checked) {
  const [noun, verb] = scope.split(":")
  return h(
    "label",
    { class: `inline-flex min-h-7 items-center gap-2 ${allowed ? "" : "text-soft"}`, title: scope },
    h("input", { type: "checkbox", class: "size-5", name: "scopes", value: scope, checked, disabled: !allowed }),
    h("span", { class: "sr-only" }, label("scope_noun", noun), ": "),
    label("scope_verb", verb),
  )
}

/** What is checked in a form. @param {HTMLFormElement} form */
export const chosenScopes = form => new FormData(form).getAll("scopes").map(String)
