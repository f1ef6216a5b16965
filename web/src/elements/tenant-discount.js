// The discount of what a tenant pays: what is on it and until when, giving one and taking it away. What the next invoice
// will be is said by Stripe, before anything is changed.

import { byId, fill, h, setText } from "../lib/dom.js"
import { formatDate, formatMoney } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { cutOf, termsOf } from "../lib/promotions.js"
import { staffRequest } from "../lib/session.js"
import { sayOnPage } from "./answer.js"
import { failedCard, notice } from "./feedback.js"
import { field, formDialog, values } from "./form-dialog.js"
import { dangerousRequest } from "./step-up.js"

/**
 * @typedef {{ currency: string, amount: number, date: string | null }} NextInvoice
 * @typedef {import("../lib/promotions.js").Terms & { code: string | null, ends_at: string | null }} Discount
 * @typedef {{ data: Discount[], is_billed: boolean, next_invoice: NextInvoice | null }} Discounts
 */

export class TenantDiscount {
  may = false
  #path
  #name = ""

  /** @param {string} path of the tenant in the API */
  constructor(path) {
    this.#path = `${path}/discount`
  }

  /** @param {string} name of the tenant */
  async load(name) {
    this.#name = name
    byId("discount-card", HTMLElement).hidden = false
    const place = byId("discount", HTMLElement)
    try {
      fill(place, this.#card(await staffRequest("GET", this.#path)))
    } catch (problem) {
      fill(
        place,
        failedCard(problem, () => this.load(name)),
      )
    }
  }

  /** @param {Discounts} discounts */
  #card({ data, is_billed: isBilled, next_invoice: next }) {
    if (!isBilled) return h("p", { class: "text-soft" }, t("discount.not_billed"))
    return h(
      "div",
      { class: "grid gap-4" },
      h(
        "dl",
        { class: "facts numbers" },
        h("dt", {}, t("discount.title")),
        h(
          "dd",
          {},
          data.length > 0 ? h("ul", {}, ...data.map(one => h("li", {}, ...wordsOf(one)))) : t("discount.none"),
        ),
        h("dt", {}, t("discount.next")),
        h("dd", {}, next ? t("discount.next_value", figures(next)) : t("discount.no_next")),
      ),
      this.may &&
        h(
          "p",
          { class: "screen-only flex flex-wrap gap-2" },
          h(
            "button",
            { type: "button", class: "button", id: "give-discount", onclick: () => this.#give() },
            data.length > 0 ? t("discount.replace") : t("discount.give"),
          ),
          data.length > 0 &&
            h(
              "button",
              { type: "button", class: "button", id: "take-discount", onclick: () => this.#take() },
              t("discount.take"),
            ),
        ),
    )
  }

  async #give() {
    /** @type {import("../lib/promotions.js").Promotion[]} */
    const all = (await this.#ask("/api/billing/promotions"))?.data
    if (!all) return
    const promotions = all.filter(({ active }) => active)
    if (promotions.length === 0) return sayOnPage(notice("caution", t("discount.no_codes")))
    const told = h("p", { class: "numbers min-h-6", role: "status" })
    const select = h(
      "select",
      { class: "input", name: "promotion", onchange: () => tell() },
      ...promotions.map(one => h("option", { value: one.id }, `${one.code}: ${choiceOf(one)}`)),
    )
    // Whoever chooses quickly reads of the last choice.
    const tell = async () => {
      const wanted = select.value
      setText(told, "")
      const answer = await this.#ask(`${this.#path}/preview?promotion=${encodeURIComponent(wanted)}`, told)
      if (answer && select.value === wanted) setText(told, withIt(answer.next_invoice))
    }
    tell()
    let code = ""
    const isDone = await formDialog({
      title: t("discount.give_title", { name: this.#name }),
      lead: t("discount.give_lead"),
      fields: [field(t("discount.choose"), select), told],
      action: t("discount.give"),
      submit: async form => {
        const { promotion } = values(form)
        await dangerousRequest("POST", this.#path, { body: { promotion } })
        code = promotions.find(({ id }) => id === promotion)?.code ?? ""
      },
    })
    if (!isDone) return
    await this.load(this.#name)
    sayOnPage(notice("positive", t("discount.now_has", { name: this.#name, code })))
  }

  async #take() {
    const answer = await this.#ask(`${this.#path}/preview`)
    if (!answer) return
    const isDone = await formDialog({
      title: t("discount.take_title", { name: this.#name }),
      lead: h("span", { class: "numbers" }, withoutIt(answer.next_invoice)),
      fields: [],
      action: t("discount.take"),
      danger: true,
      submit: () => dangerousRequest("DELETE", this.#path),
    })
    if (!isDone) return
    await this.load(this.#name)
    sayOnPage(notice("positive", t("discount.taken", { name: this.#name })))
  }

  /** What Stripe says; nothing, and why on the page, when it does not. @param {string} address @param {HTMLElement} [place] */
  async #ask(address, place) {
    try {
      return await staffRequest("GET", address)
    } catch (problem) {
      if (place) fill(place, failedCard(problem))
      else sayOnPage(failedCard(problem))
      return null
    }
  }
}

/** @param {Discount} discount */
function wordsOf(discount) {
  const code = discount.code ? h("code", { translate: "no" }, discount.code) : t("discount.without_code")
  if (discount.duration === null) return [code, ": ", t("discount.given")]
  const end = discount.ends_at ? t("discount.until", { date: formatDate(new Date(discount.ends_at)) }) : ""
  return [code, ": ", end ? `${cutOf(discount)}, ${end}` : choiceOf(discount)]
}

/** Of what runs already there is no first invoice left. @param {import("../lib/promotions.js").Terms} terms */
const choiceOf = terms => (terms.duration === "once" ? `${cutOf(terms)}, ${t("discount.once")}` : termsOf(terms))

/** @param {NextInvoice} next */
const figures = next => ({ amount: formatMoney(next), date: next.date ? formatDate(new Date(next.date)) : "–" })

/** @param {NextInvoice | null} next */
const withIt = next => (next ? t("discount.would_be", figures(next)) : t("discount.would_be_none"))
/** @param {NextInvoice | null} next */
const withoutIt = next => (next ? t("discount.take_lead", figures(next)) : t("discount.would_be_none"))
