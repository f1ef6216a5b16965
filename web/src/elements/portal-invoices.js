// The customer's invoices: what each says, where an open one is paid, and its copy.

import "./status-badge.js"
import { mdiDownload, mdiOpenInNew } from "@mdi/js"
import { request } from "../lib/api.js"
import { fill, h } from "../lib/dom.js"
import { formatMoney } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { day, documentOf } from "../lib/portal.js"
import { saveFile } from "../lib/save-file.js"
import { failedCard } from "./feedback.js"

/** @typedef {import("../lib/portal.js").PortalInvoice} PortalInvoice */

/** @param {PortalInvoice} invoice */
export function invoiceRow(invoice) {
  const {
    status,
    is_overdue: isOverdue,
    subdomain,
    currency,
    amount,
    amount_remaining: remaining,
    date,
    pay_url: url,
  } = invoice
  const number = invoice.number ?? t("portal.unnumbered")
  const problem = h("div", { class: "w-full empty:hidden" })
  const isPart = status === "open" && remaining !== amount
  return h(
    "li",
    {
      class:
        "flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line py-3 first:border-t-0 first:pt-0 last:pb-0",
    },
    h(
      "div",
      { class: "min-w-0 flex-1 basis-52" },
      h("span", { class: "block font-medium wrap-anywhere", translate: "no" }, number),
      h(
        "span",
        { class: "hint numbers block" },
        day(date),
        subdomain && [" · ", h("span", { translate: "no" }, subdomain)],
      ),
    ),
    h(
      "div",
      { class: "numbers flex-none" },
      h("span", { class: "block font-medium" }, formatMoney({ amount, currency })),
      isPart &&
        h(
          "span",
          { class: "hint block" },
          t("portal.still_open", { amount: formatMoney({ amount: remaining, currency }) }),
        ),
    ),
    h("status-badge", { kind: "invoice", value: isOverdue ? "overdue" : status }),
    h(
      "div",
      { class: "flex flex-none flex-wrap gap-2" },
      url &&
        h(
          "a",
          {
            class: "button button-primary button-small",
            href: url,
            target: "_blank",
            rel: "noopener noreferrer",
            "aria-label": t("portal.pay_invoice", { number }),
          },
          t("portal.pay_now"),
          icon(mdiOpenInNew),
        ),
      downloadButton(invoice, number, problem),
    ),
    problem,
  )
}

/** @param {PortalInvoice} invoice @param {string} number @param {HTMLElement} problem */
function downloadButton(invoice, number, problem) {
  const button = h(
    "button",
    { type: "button", class: "button button-small", onclick: download, "aria-label": t("portal.pdf_of", { number }) },
    icon(mdiDownload),
    t("portal.pdf"),
  )
  async function download() {
    if (button.getAttribute("aria-disabled")) return
    button.setAttribute("aria-disabled", "true")
    fill(problem)
    try {
      /** @type {Response} */
      const answer = await request("GET", documentOf(invoice), { whole: true })
      await saveFile(answer, "invoice.pdf")
    } catch (failure) {
      fill(problem, failedCard(failure))
    }
    button.removeAttribute("aria-disabled")
  }
  return button
}
