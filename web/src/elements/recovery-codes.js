// Recovery codes, shown once: to copy, to download, to print.

import { h, setText } from "../lib/dom.js"
import { t } from "../lib/messages.js"
import { showOnce } from "./once-dialog.js"

/** @param {string[]} codes @returns {Promise<void>} when the dialog is closed; at once when there are no codes to show */
export async function showRecoveryCodes(codes) {
  if (codes.length === 0) return
  const text = `${codes.join("\n")}\n`
  const copy = h("button", { type: "button", class: "button" }, t("recovery.copy"))
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text)
    setText(copy, t("recovery.copied"))
  })
  const file = URL.createObjectURL(new Blob([text], { type: "text/plain" }))
  await showOnce({
    title: t("recovery.new_title"),
    lead: t("recovery.new_lead"),
    content: [
      h(
        "ol",
        { class: "grid gap-x-6 gap-y-1.5 rounded-lg bg-inset p-4 sm:grid-cols-2" },
        ...codes.map(code => h("li", {}, h("code", { class: "numbers" }, code))),
      ),
    ],
    actions: [copy, h("a", { class: "button", href: file, download: t("recovery.file") }, t("recovery.download"))],
    kept: t("recovery.kept"),
  })
  URL.revokeObjectURL(file)
}
