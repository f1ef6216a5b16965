// The words of one kind of email: both languages side by side, each with how it looks, a test to oneself, and the way back
// to the program's own words.

import { beside, sayOnPage } from "../elements/answer.js"
import { startConsole } from "../elements/console-shell.js"
import { EditedForm } from "../elements/edited-form.js"
import { emptyCard, failedCard, notice } from "../elements/feedback.js"
import { mailPreview } from "../elements/mail-preview.js"
import { lock, sayItIsSaved } from "../elements/settings-form.js"
import { ApiProblem, fieldSentence } from "../lib/api.js"
import { byId, fill, h, inPlaces, setText, typed } from "../lib/dom.js"
import { label, t } from "../lib/messages.js"
import { ifMatch, staffRequest } from "../lib/session.js"

/** @typedef {"en" | "es"} Language */
/** @typedef {{ en_subject: string, en_body: string, es_subject: string, es_body: string }} Words */
/**
 * @typedef {{ name: string, required_in_en: boolean, required_in_es: boolean, example_in_en: string,
 *             example_in_es: string }} Parameter
 * @typedef {{ template: string, changed: boolean, version: number, words: Words, own_words: Words,
 *             parameters: Parameter[] }} Text
 */

/** @type {Language[]} */
const LANGUAGES = ["en", "es"]
const FIELDS = LANGUAGES.flatMap(language => [`${language}_subject`, `${language}_body`])
const PREVIEW_AFTER = 400

const template = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const path = `/api/mail-texts/${encodeURIComponent(template)}`
const form = byId("edited-form", HTMLFormElement)
const reset = byId("reset", HTMLButtonElement)
const control = (/** @type {string} */ name) =>
  /** @type {HTMLInputElement | HTMLTextAreaElement} */ (form.elements.namedItem(name))

/** @type {Text} */
let text
/** @type {EditedForm} */
let edited
/** @type {Partial<Record<Language, Side>>} */
const sides = {}

startConsole().then(
  user => load(user.scopes.includes("settings:write")),
  () => {},
)

/** @param {boolean} may */
async function load(may) {
  try {
    const first = await read()
    for (const language of LANGUAGES) sides[language] = new Side(language, may)
    edited = new EditedForm({
      form,
      values: () => Object.fromEntries(FIELDS.map(name => [name, wordsIn(name)])),
      write: values => {
        for (const name of FIELDS) control(name).value = values[name]
      },
      title: name => label("field", name),
      words: (_, value) => (value.length > 80 ? `${value.slice(0, 80)}…` : value),
      load: async () => stored(await read()),
      save: async ({ values, version }) => stored(await keep("PUT", version, values)),
      saved: sayItIsSaved,
      changed: () => {
        for (const side of Object.values(sides)) side.look()
      },
    })
    edited.show(stored(first))
    reset.addEventListener("click", () => giveBack().catch(problem => beside(reset)(failedCard(problem))))
    lock(form, may)
    reset.hidden = !may || !text.changed
    fill(byId("problem", HTMLElement))
    form.hidden = false
  } catch (problem) {
    const missing = problem instanceof ApiProblem && [404, 422].includes(problem.status)
    const back = h("a", { class: "button", href: "/admin/settings/mails" }, t("mail_text.back"))
    fill(
      byId("problem", HTMLElement),
      missing
        ? emptyCard(t("mail_text.missing"), t("tenant.missing_text"), back)
        : failedCard(problem, () => load(may)),
    )
  }
  byId("headline", HTMLElement).hidden = false
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
}

/** @param {string} name */
const wordsIn = name => control(name).value.replaceAll("\r\n", "\n")

/** @returns {Promise<Text>} */
async function read() {
  text = await staffRequest("GET", path)
  draw()
  return text
}

/** @param {"PUT" | "DELETE"} method @param {number} version @param {import("../lib/merge.js").Values} [body] @returns {Promise<Text>} */
async function keep(method, version, body) {
  text = await staffRequest(method, path, { body, headers: ifMatch({ version }) })
  draw()
  return text
}

/** @param {Text} text */
const stored = ({ words, version }) => ({ values: { ...words }, version })

function draw() {
  const name = label("mail_template", text.template)
  document.title = `${name} · ${t("product")}`
  setText(byId("page-heading", HTMLElement), name)
  setText(byId("breadcrumb", HTMLElement), name)
  reset.hidden = !text.changed
  fill(byId("parameters", HTMLElement), ...text.parameters.flatMap(parameter))
}

/** @param {Parameter} parameter */
function parameter({ name, required_in_en: inEnglish, required_in_es: inSpanish, ...examples }) {
  const language = document.documentElement.lang === "es" ? "es" : "en"
  const required = inEnglish || inSpanish
  return [
    h("dt", {}, h("code", { translate: "no" }, `{${name}}`)),
    h(
      "dd",
      { class: "wrap-anywhere" },
      examples[`example_in_${language}`],
      required && h("span", { class: "badge ms-2" }, t("mail_text.required")),
    ),
  ]
}

async function giveBack() {
  await keep("DELETE", text.version)
  edited.show(stored(text))
  sayOnPage(notice("positive", t("mail_text.is_reset")))
}

/** One language: how its words look, and a test of them. */
class Side {
  #language
  #preview = mailPreview(t("mail.look"))
  #wrong = h("p", { class: "px-4 pb-4 text-sm text-soft", hidden: true })
  #shown = ""
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later

  /** @param {Language} language @param {boolean} may */
  constructor(language, may) {
    this.#language = language
    fill(byId(`${language}-preview`, HTMLElement), this.#wrong, this.#preview.frame)
    const button = byId(`test-${language}`, HTMLButtonElement)
    button.hidden = !may
    button.addEventListener("click", () => this.#test(button))
  }

  get #draft() {
    const language = this.#language
    return { locale: language, subject: wordsIn(`${language}_subject`), body: wordsIn(`${language}_body`) }
  }

  look() {
    const query = new URLSearchParams(this.#draft).toString()
    if (query === this.#shown) return
    const wait = this.#shown ? PREVIEW_AFTER : 0
    this.#shown = query
    clearTimeout(this.#later)
    this.#later = setTimeout(() => this.#show(query), wait)
  }

  /** @param {string} query */
  async #show(query) {
    try {
      const { html } = await staffRequest("GET", `${path}/preview?${query}`)
      if (query !== this.#shown) return
      this.#wrong.hidden = true
      this.#preview.show(html)
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      if (query !== this.#shown) return
      this.#wrong.hidden = false
      setText(this.#wrong, [t("mail_text.no_preview"), ...sentences(problem)].join(" "))
    }
  }

  /** @param {HTMLButtonElement} button */
  async #test(button) {
    if (button.getAttribute("aria-disabled")) return
    button.setAttribute("aria-disabled", "true")
    const say = beside(button)
    try {
      const {
        mail_id: id,
        recipient,
        sends_mail: sends,
      } = await staffRequest("POST", `${path}/test`, {
        body: this.#draft,
      })
      const sentence = sends ? t("mail_text.tested") : t("mail_text.tested_kept")
      const words = inPlaces(sentence, { address: typed(recipient) })
      say(
        notice(
          "positive",
          "",
          h("p", {}, ...words, " ", h("a", { href: `/admin/mails/${id}` }, t("mail_text.open_test"))),
        ),
      )
    } catch (problem) {
      if (!(problem instanceof ApiProblem)) throw problem
      say(notice("negative", problem.sentence, ...sentences(problem).map(sentence => h("p", {}, sentence))))
    } finally {
      button.removeAttribute("aria-disabled")
    }
  }
}

/** What is wrong with the words. @param {ApiProblem} problem */
const sentences = problem => problem.errors.map(error => `${nameOf(error.pointer)}: ${fieldSentence(error)}`)

/** @param {string} pointer "/body" of a request, "?body" of an address */
const nameOf = pointer => label("field", `mail_text.${pointer.replace(/^[/?]/, "")}`, pointer)
