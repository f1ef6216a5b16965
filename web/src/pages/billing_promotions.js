// Promotion codes: what each takes off, how often it was used, making one and taking it back.

import { sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { field, formDialog, inputFor, selectFor, values } from "../elements/form-dialog.js"
import { minorOf } from "../elements/refund-dialog.js"
import { dangerousRequest } from "../elements/step-up.js"
import { ApiProblem } from "../lib/api.js"
import { byId, fill, h } from "../lib/dom.js"
import { formatDate, formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { termsOf } from "../lib/promotions.js"
import { staffRequest } from "../lib/session.js"

/** @typedef {import("../lib/promotions.js").Promotion} Promotion */

const PATH = "/api/billing/promotions"
let may = false

startConsole().then(
  user => {
    may = user.scopes.includes("billing:write")
    byId("new-promotion", HTMLButtonElement).addEventListener("click", make)
    return load()
  },
  () => {},
)

async function load() {
  const waiting = byId("waiting", HTMLElement)
  try {
    /** @type {Promotion[]} */
    const all = (await staffRequest("GET", PATH)).data
    fill(byId("problem", HTMLElement))
    fill(
      byId("promotions", HTMLElement),
      all.length > 0 ? table(all) : emptyCard(t("promotions.none"), t("promotions.none_text")),
    )
  } catch (problem) {
    fill(byId("problem", HTMLElement), failedCard(problem, load))
  }
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}

/** @param {Promotion[]} all */
function table(all) {
  const head = (/** @type {string} */ id, numeric = false) =>
    h("th", { scope: "col", class: numeric && "align-end" }, label("column.promotions", id))
  return h(
    "div",
    { class: "card scroller", tabindex: "0", role: "region", "aria-label": t("promotions.title") },
    h(
      "table",
      { class: "table" },
      h("caption", { class: "sr-only" }, t("promotions.title")),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head("code"),
          head("state"),
          head("discount"),
          head("used", true),
          head("expires_at"),
          may && h("th", { scope: "col" }, h("span", { class: "sr-only" }, t("team.actions"))),
        ),
      ),
      h("tbody", {}, ...all.map(row)),
    ),
  )
}

/** @param {Promotion} promotion */
function row(promotion) {
  const { code, active, times_redeemed: used, max_redemptions: most, expires_at: expires } = promotion
  return h(
    "tr",
    {},
    h("th", { scope: "row", translate: "no" }, h("code", {}, code)),
    h(
      "td",
      {},
      h(
        "span",
        { class: `badge ${active ? "tone-positive" : ""}` },
        active ? t("promotions.active") : t("promotions.over"),
      ),
    ),
    h("td", {}, termsOf(promotion)),
    h(
      "td",
      { class: "align-end numbers" },
      most === null
        ? formatNumber(used)
        : t("promotions.used_of", { used: formatNumber(used), most: formatNumber(most) }),
    ),
    h("td", { class: "numbers" }, expires ? formatDate(new Date(expires)) : t("promotions.no_end")),
    may &&
      h(
        "td",
        { class: "align-end" },
        active &&
          h(
            "button",
            { type: "button", class: "button button-small", onclick: () => end(promotion) },
            t("promotions.end"),
            h("span", { class: "sr-only" }, ` ${code}`),
          ),
      ),
  )
}

async function make() {
  const code = inputFor("POST /api/billing/promotions", "code", { autocapitalize: "characters", spellcheck: "false" })
  const percent = inputFor("POST /api/billing/promotions", "percent_off", { inputmode: "numeric" })
  const amount = h("input", {
    class: "input numbers",
    name: "amount_off",
    inputmode: "decimal",
    autocomplete: "off",
    maxlength: 14,
  })
  const currency = inputFor("POST /api/billing/promotions", "currency", { autocapitalize: "none", spellcheck: "false" })
  const duration = selectFor("POST /api/billing/promotions", "duration", one => label("promotion_choice", one))
  let made = ""
  const isDone = await formDialog({
    title: t("promotions.new"),
    lead: t("promotions.new_lead"),
    fields: [
      field(t("promotions.code"), code, h("p", { class: "hint" }, t("promotions.code_hint"))),
      h(
        "div",
        { class: "grid gap-5 sm:grid-cols-3" },
        field(t("promotions.percent"), percent),
        field(t("promotions.amount"), amount),
        field(t("promotions.currency"), currency),
      ),
      h("p", { class: "hint" }, t("promotions.either")),
      h(
        "div",
        { class: "grid gap-5 sm:grid-cols-2" },
        field(t("promotions.duration"), duration),
        field(t("promotions.months"), inputFor("POST /api/billing/promotions", "months", { inputmode: "numeric" })),
        field(
          t("promotions.most"),
          inputFor("POST /api/billing/promotions", "max_redemptions", { inputmode: "numeric" }),
          h("p", { class: "hint" }, t("promotions.empty_is_none")),
        ),
        field(
          t("promotions.expires"),
          inputFor("POST /api/billing/promotions", "expires_at", { type: "date" }),
          h("p", { class: "hint" }, t("promotions.empty_is_none")),
        ),
      ),
    ],
    action: t("promotions.make"),
    submit: async form => {
      const given = values(form)
      const whole = (/** @type {string} */ name) => (given[name] ? Number(given[name]) || given[name] : null)
      const off = given.amount_off ? minorOf(given.amount_off, given.currency) : null
      if (off === 0)
        throw new ApiProblem(422, {
          code: "validation_failed",
          errors: [{ pointer: "/amount_off", code: "not_an_amount" }],
        })
      const body = {
        code: given.code.toUpperCase(),
        percent_off: whole("percent_off"),
        amount_off: off,
        currency: given.currency ? given.currency.toLowerCase() : null,
        duration: given.duration,
        months: whole("months"),
        max_redemptions: whole("max_redemptions"),
        // To the end of that day, where whoever types it is.
        expires_at: given.expires_at ? new Date(`${given.expires_at}T23:59:59`).toISOString() : null,
      }
      made = (await dangerousRequest("POST", PATH, { body })).code
    },
  })
  if (!isDone) return
  await load()
  sayOnPage(notice("positive", t("promotions.made", { code: made })))
}

/** @param {Promotion} promotion */
async function end({ id, code }) {
  const isDone = await formDialog({
    title: t("promotions.end_title", { code }),
    lead: t("promotions.end_lead"),
    fields: [],
    action: t("promotions.end"),
    danger: true,
    submit: () => dangerousRequest("POST", `${PATH}/${encodeURIComponent(id)}/end`),
  })
  if (!isDone) return
  await load()
  sayOnPage(notice("positive", t("promotions.ended", { code })))
}
