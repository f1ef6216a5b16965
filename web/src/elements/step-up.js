// Dangerous actions ask once more who one is: the request is sent, and when the server wants a confirmation, a dialog
// asks for the password and the request is sent again.

import { ApiProblem } from "../lib/api.js"
import { h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { clearErrors, showErrors } from "./form-errors.js"

/** Somebody closed the dialog: nothing was done, nothing has to be said. */
export class NotConfirmed extends Error {}

/** A request of the console that may be dangerous. @type {typeof staffRequest} */
export async function dangerousRequest(method, path, options = {}) {
  try {
    return await staffRequest(method, path, options)
  } catch (problem) {
    if (!(problem instanceof ApiProblem) || problem.code !== "step_up_required") throw problem
    await confirmPerson()
    return await staffRequest(method, path, options)
  }
}

/** Resolves when the server believes it again. @returns {Promise<void>} */
export function confirmPerson() {
  const password = h("input", {
    class: "input",
    id: "step-up-password",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  })
  const errors = h("div", { class: "empty:hidden" })
  const submit = h("button", { type: "submit", class: "button button-primary" }, t("step_up.confirm"))
  const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("step_up.cancel"))
  const form = h(
    "form",
    { class: "grid gap-5 p-6", novalidate: true },
    h(
      "div",
      {},
      h("h2", { class: "text-xl", id: "step-up-title" }, t("step_up.title")),
      h("p", { class: "mt-1 text-soft" }, t("step_up.lead")),
    ),
    errors,
    h(
      "div",
      { class: "field" },
      h("label", { for: "step-up-password" }, t("step_up.password")),
      password,
      h("p", { class: "field-error", id: "step-up-password-error" }),
    ),
    h("div", { class: "flex flex-wrap justify-end gap-2 border-t border-line pt-5" }, cancel, submit),
  )
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "step-up-title" }, form)
  document.body.append(dialog)
  return new Promise((resolve, reject) => {
    form.addEventListener("submit", async event => {
      event.preventDefault()
      clearErrors(errors, form)
      submit.disabled = true
      try {
        await staffRequest("POST", "/api/admin/confirm", { body: { password: password.value } })
        resolve()
        dialog.close()
      } catch (problem) {
        if (!(problem instanceof ApiProblem)) throw problem
        if (problem.code === "wrong_password")
          problem.errors = [{ pointer: "/password", code: "wrong_password", detail: "" }]
        showErrors(errors, form, problem)
      } finally {
        submit.disabled = false
      }
    })
    dialog.addEventListener("close", () => {
      dialog.remove()
      reject(new NotConfirmed())
    })
    dialog.showModal()
    password.focus()
  })
}
