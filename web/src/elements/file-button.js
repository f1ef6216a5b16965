// A button that fetches a file of the API's and hands it to the browser.

import { mdiDownload } from "@mdi/js"
import { ApiProblem } from "../lib/api.js"
import { h, setText } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { saveFile } from "../lib/save-file.js"
import { say } from "../lib/say.js"
import { staffRequest } from "../lib/session.js"
import { failedCard, notice } from "./feedback.js"

/**
 * @typedef {object} FileOf
 * @property {string} path where it is
 * @property {string} words on the button
 * @property {string} [about] what it is of, for whoever does not see what stands beside it
 * @property {string} [id]
 * @property {boolean} [small]
 * @property {(problem?: HTMLElement) => void} tell takes what went wrong, or nothing when it went well
 */

/** @param {FileOf} file */
export function fileButton({ path, words, about, id, small = false, tell }) {
  const text = h("span", {}, words)
  const button = h(
    "button",
    { type: "button", class: `button ${small ? "button-small" : ""}`, id, onclick: fetchFile },
    !small && icon(mdiDownload),
    text,
    about && h("span", { class: "sr-only" }, ` ${about}`),
  )
  // It keeps the focus, which a disabled one would lose.
  async function fetchFile() {
    if (button.getAttribute("aria-disabled") === "true") return
    button.setAttribute("aria-disabled", "true")
    setText(text, t("invoice.preparing"))
    try {
      /** @type {Response} */
      const answer = await staffRequest("GET", path, { whole: true })
      await saveFile(answer, "")
      tell()
    } catch (problem) {
      tell(whyNot(problem))
    }
    button.removeAttribute("aria-disabled")
    setText(text, words)
  }
  return button
}

/** Of an electronic invoice also what is missing, and where that is set. @param {unknown} problem */
function whyNot(problem) {
  if (!(problem instanceof ApiProblem) || problem.code !== "no_electronic_invoice") return failedCard(problem)
  /** @type {import("../lib/say.js").Said[]} */
  const missing = problem.body.missing ?? []
  return notice(
    "caution",
    problem.sentence,
    h("ul", { class: "grid list-disc gap-1 ps-5" }, ...missing.map(message => h("li", {}, say(message)))),
    missing.some(({ code }) => code.startsWith("seller_")) &&
      h("p", {}, h("a", { href: "/admin/settings/organisation" }, t("invoice.to_organisation"))),
  )
}
