// Recovery codes, shown once: to copy, to download, to print. The dialog closes only when somebody says they are kept.

import { h, setText } from "../lib/dom.js"
import { t } from "../lib/messages.js"

/** @param {string[]} codes @returns {Promise<void>} when the dialog is closed; at once when there are no codes to show */
export function showRecoveryCodes(codes) {
  if (codes.length === 0) return Promise.resolve()
  const text = `${codes.join("\n")}\n`
  const copy = h("button", { type: "button", class: "button" }, t("recovery.copy"))
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text)
    setText(copy, t("recovery.copied"))
  })
  const file = URL.createObjectURL(new Blob([text], { type: "text/plain" }))
  const kept = h("button", { type: "button", class: "button button-primary" }, t("recovery.kept"))
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "recovery-title", "aria-describedby": "recovery-lead" },
    h(
      "div",
      { class: "grid gap-5 p-6" },
      h(
        "div",
        {},
        h("h2", { class: "text-xl", id: "recovery-title" }, t("recovery.new_title")),
        h("p", { class: "mt-1 text-soft", id: "recovery-lead" }, t("recovery.new_lead")),
      ),
      h(
        "ol",
        { class: "grid gap-x-6 gap-y-1.5 rounded-lg bg-inset p-4 sm:grid-cols-2" },
        ...codes.map(code => h("li", {}, h("code", { class: "numbers" }, code))),
      ),
      h(
        "div",
        { class: "flex flex-wrap gap-2 border-t border-line pt-5" },
        copy,
        h("a", { class: "button", href: file, download: t("recovery.file") }, t("recovery.download")),
        h("span", { class: "me-auto" }),
        kept,
      ),
    ),
  )
  // Not by Escape: what is gone from here is gone.
  dialog.addEventListener("cancel", event => event.preventDefault())
  document.body.append(dialog)
  dialog.showModal()
  return new Promise(resolve => {
    kept.addEventListener("click", () => {
      dialog.close()
      dialog.remove()
      URL.revokeObjectURL(file)
      resolve()
    })
  })
}
