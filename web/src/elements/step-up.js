// Dangerous actions ask once more who one is: the request is sent, and when the server wants a confirmation, a dialog
// asks for a passkey, a code or the password, and the request is sent again.

import { ApiProblem } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { passkeysWork, usePasskey } from "../lib/passkeys.js"
import { staffRequest } from "../lib/session.js"
import { notice } from "./feedback.js"
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
export async function confirmPerson() {
  const options = await askOptions()
  return new Promise((resolve, reject) => new StepUpDialog(options, resolve, () => reject(new NotConfirmed())))
}

/**
 * @typedef {{ methods: ("password" | "totp" | "recovery_code" | "passkey")[], challenge: string,
 *             public_key: import("../lib/passkeys.js").RequestOptions | null }} Options
 */

/** @returns {Promise<Options>} */
const askOptions = () => staffRequest("GET", "/api/admin/confirm")

class StepUpDialog {
  #errors = h("div", { class: "empty:hidden" })
  #control = h("div", { class: "field" })
  #submit = h("button", { type: "submit", class: "button button-primary" }, t("step_up.confirm"))
  #other = h("button", { type: "button", class: "link-button justify-self-start", onclick: () => this.#turn() })
  #form = h("form", { class: "grid gap-5 p-6", novalidate: true })
  #dialog = h("dialog", { class: "dialog", "aria-labelledby": "step-up-title" }, this.#form)
  /** @type {HTMLInputElement} */
  #input = h("input")

  /** @param {Options} options @param {() => void} confirmed @param {() => void} closed */
  constructor(options, confirmed, closed) {
    this.options = options
    this.confirmed = confirmed
    const withPasskey = options.methods.includes("passkey") && passkeysWork()
    const withCode = options.methods.includes("totp")
    this.#other.hidden = !withCode
    fill(
      this.#form,
      h(
        "div",
        {},
        h("h2", { class: "text-xl", id: "step-up-title" }, t("step_up.title")),
        h("p", { class: "mt-1 text-soft" }, t("step_up.lead")),
      ),
      this.#errors,
      withPasskey &&
        h(
          "button",
          { type: "button", class: "button button-large", onclick: () => this.#usePasskey() },
          t("step_up.passkey"),
        ),
      this.#control,
      this.#other,
      h(
        "div",
        { class: "flex flex-wrap justify-end gap-2 border-t border-line pt-5" },
        h("button", { type: "button", class: "button", onclick: () => this.#dialog.close() }, t("dialog.cancel")),
        this.#submit,
      ),
    )
    this.#form.addEventListener("submit", event => this.#sendTyped(event))
    this.#dialog.addEventListener("close", () => {
      this.#dialog.remove()
      closed()
    })
    this.#show(withCode ? "code" : "password")
    document.body.append(this.#dialog)
    this.#dialog.showModal()
    this.#input.focus()
  }

  #turn() {
    this.#show(this.#input.name === "code" ? "password" : "code")
    this.#input.focus()
  }

  /** @param {"code" | "password"} name */
  #show(name) {
    const id = `step-up-${name}`
    const code = name === "code"
    this.#input = h("input", {
      class: "input",
      id,
      name,
      type: code ? "text" : "password",
      autocomplete: code ? "one-time-code" : "current-password",
      autocapitalize: "none",
      spellcheck: "false",
      required: true,
    })
    fill(
      this.#control,
      h("label", { for: id }, code ? t("step_up.code") : t("step_up.password")),
      this.#input,
      h("p", { class: "field-error", id: `${id}-error` }),
    )
    fill(this.#other, code ? t("step_up.use_password") : t("step_up.use_code"))
  }

  /** @param {SubmitEvent} event */
  #sendTyped(event) {
    event.preventDefault()
    return this.#send({ [this.#input.name]: this.#input.value })
  }

  async #usePasskey() {
    const { challenge, public_key } = this.options
    if (!public_key) return
    const assertion = await usePasskey(public_key)
    if (assertion) await this.#send({ challenge, assertion })
    else fill(this.#errors, notice("info", "", h("p", {}, t("step_up.passkey_cancelled"))))
  }

  /** @param {Record<string, unknown>} body */
  async #send(body) {
    if (this.#submit.disabled) return
    clearErrors(this.#errors, this.#form)
    this.#submit.disabled = true
    try {
      await staffRequest("POST", "/api/admin/confirm", { body })
      this.confirmed()
      this.#dialog.close()
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      if (problem.code === "wrong_password") problem.errors = [{ pointer: "/password", code: "wrong_password" }]
      // A challenge can be answered wrongly only so often.
      if ("assertion" in body) this.options = await askOptions()
      showErrors(this.#errors, this.#form, problem)
    } finally {
      this.#submit.disabled = false
    }
  }
}
