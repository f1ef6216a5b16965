// Files of lists that are too long to wait for: ordered, followed while the server writes them, fetched when they are ready.
// Their ids stand in the address, so that a reload, another page of the list and the link in a mail go on with them.

import { mdiClose, mdiLoading } from "@mdi/js"
import { ApiProblem } from "../../lib/api.js"
import { fill, h, setText } from "../../lib/dom.js"
import { formatBytes, formatDateTime, formatNumber } from "../../lib/format.js"
import { icon } from "../../lib/icons.js"
import { label, t } from "../../lib/messages.js"
import { saveFile } from "../../lib/save-file.js"
import { staffRequest } from "../../lib/session.js"
import { failedCard, notice } from "../feedback.js"

/**
 * @typedef {{ id: string, list: string, state: "queued" | "running" | "done" | "failed", rows_done: number,
 *             rows_total: number | null, size_bytes: number, file_name: string, error_code: string | null,
 *             expires_at: string }} Order
 * @typedef {{ list?: string, search: () => string, write: (search: string) => void }} Table
 * @typedef {"under_way" | "fetching" | "ready" | "over"} Step what can be pressed
 */

/** The key of an address that names orders. */
export const ORDERS = "export"
/** Short files are ready within seconds; whoever waits for a long one need not know it to the second. */
const SOON = { asks: 30, wait: 1000 }
const LATER = 5000
const LONGEST_WAIT = 30_000
const QUARTERS = 4
/** Before that nobody wonders whether anything happens. */
const PATIENCE = 1000
const ORDER_LINE = "card flex flex-wrap items-center gap-x-3 gap-y-2 px-3 py-2 text-sm"
/** Also what is no id at all. */
const NOT_THERE = [404, 422]

/** @param {string} search */
export const ordersIn = search => (new URLSearchParams(search).get(ORDERS) ?? "").split(",").filter(Boolean)

/** The address with these orders and no others. @param {string} search @param {string[]} ids */
export function withOrders(search, ids) {
  const address = new URLSearchParams(search)
  address.delete(ORDERS)
  if (ids.length > 0) address.set(ORDERS, ids.join(","))
  const text = address.toString().replaceAll("%2C", ",").replaceAll("%3A", ":")
  return text && `?${text}`
}

/** What is ordered, out of what the short file was asked for with. @param {string} list @param {URLSearchParams} parameters */
export function orderOf(list, parameters) {
  const filters = new URLSearchParams(parameters)
  /** @type {Record<string, string>} */
  const told = {}
  for (const name of ["format", "sort", "columns", "zone", "language"]) {
    told[name] = filters.get(name) ?? ""
    filters.delete(name)
  }
  return { ...told, list, filters: filters.toString(), columns: told.columns.split(",") }
}

/** Milliseconds until an order is looked at again. @param {number} asks answered so far @param {number} failures since the last answer */
export function waitAfter(asks, failures) {
  if (failures > 0) return Math.min(LONGEST_WAIT, SOON.wait * 2 ** failures)
  return asks < SOON.asks ? SOON.wait : LATER
}

/** @param {Order} order */
export function wordsOf({ state, rows_done: done, rows_total: total, error_code: code, ...order }) {
  const file = order.file_name
  if (state === "queued") return t("export_order.queued", { file })
  if (state === "failed")
    return t("export_order.failed", { file, why: label("export_error", code ?? "", t("export_error.not_written")) })
  if (state === "done") {
    const size = formatBytes(order.size_bytes)
    return t("export_order.done", { file, count: done, size, time: formatDateTime(order.expires_at) })
  }
  if (total === null) return t("export_order.counting", { file })
  return t("export_order.running", { file, done: formatNumber(done), total: formatNumber(total) })
}

export class ExportOrders {
  #problem = h("div", { class: "mt-2 empty:hidden" })
  #lines = h("ul", { class: "mt-2 grid gap-2 empty:hidden" })
  #announced = h("p", { class: "sr-only", role: "status" })
  element = h("div", { class: "screen-only" }, this.#problem, this.#lines, this.#announced)
  /** Gets the focus when there is nothing left to press. @type {HTMLElement | null} */
  home = null
  /** @type {Map<string, OrderLine>} */
  #followed = new Map()

  /** @param {Table} table */
  constructor(table) {
    this.table = table
    addEventListener("online", () => {
      for (const line of this.#followed.values()) line.ask()
    })
  }

  /**
   * Does something with files; that it takes its time is said here, and what goes wrong.
   * @param {string} waiting @param {() => Promise<void>} act
   */
  async attempt(waiting, act) {
    fill(this.#problem)
    const line = h("li", { class: ORDER_LINE, "data-preparing": true }, icon(mdiLoading, "spinning"), waiting)
    const timer = setTimeout(() => {
      this.#lines.append(line)
      this.say(waiting)
    }, PATIENCE)
    await act().catch(problem => this.#refuse(problem))
    clearTimeout(timer)
    line.remove()
  }

  /** @param {URLSearchParams} parameters of the short file */
  async order(parameters) {
    try {
      /** @type {Order} */
      const order = await staffRequest("POST", "/api/exports", { body: orderOf(this.table.list ?? "", parameters) })
      this.#follow(order.id, order)
      this.#write()
    } catch (problem) {
      if (problem instanceof ApiProblem && problem.code === "too_many_exports") await this.#showAll()
      throw problem
    }
  }

  /** @param {unknown} problem */
  #refuse(problem) {
    const known = problem instanceof ApiProblem ? problem : null
    const id =
      known?.requestId && h("p", { class: "hint" }, t("failed.request_id"), " ", h("code", {}, known.requestId))
    fill(this.#problem, known?.body.permission ? failedCard(problem) : notice("negative", sentenceOf(problem), id))
    this.say(sentenceOf(problem))
  }

  /** The reader has come to this address; what is under way stands in it again. Over when it is known how far each is. */
  async resume() {
    const asked = ordersIn(this.table.search()).map(id => this.#follow(id))
    this.#write()
    await Promise.all(asked)
  }

  /** One of them must go before there can be another. Nobody waits for them here. */
  async #showAll() {
    /** @type {{ data: Order[] }} */
    const { data } = await staffRequest("GET", "/api/exports")
    for (const order of data) if (order.state !== "failed") this.#follow(order.id, order, false)
  }

  /** @param {string} id @param {Order} [order] as it was seen last @param {boolean} [isAwaited] */
  #follow(id, order, isAwaited = true) {
    if (this.#followed.has(id)) return undefined
    const line = new OrderLine(id, { orders: this, order, isAwaited })
    this.#followed.set(id, line)
    this.#lines.append(line.element)
    return line.ask()
  }

  /** It is not there any more, and neither is it in the address. @param {string} id */
  forget(id) {
    this.#followed.delete(id)
    this.#write()
  }

  /** @param {OrderLine} line */
  remove(line) {
    fill(this.#problem)
    line.element.remove()
    this.forget(line.id)
    const next = this.#lines.querySelector("button") ?? this.home
    next?.focus()
  }

  /** @param {string} words for those who do not see them */
  say(words) {
    setText(this.#announced, words)
  }

  #write() {
    const awaited = [...this.#followed.values()].filter(({ isAwaited }) => isAwaited)
    const search = withOrders(
      this.table.search(),
      awaited.map(({ id }) => id),
    )
    if (search !== this.table.search()) this.table.write(search)
  }
}

class OrderLine {
  #text = h("p", { class: "min-w-0 flex-1 basis-64 wrap-anywhere" })
  #filled = h("span", {})
  #bar = h("div", { class: "progress w-32", "aria-hidden": "true", hidden: true }, this.#filled)
  #buttons = h("div", { class: "flex flex-wrap gap-2" })
  element = h("li", { class: ORDER_LINE, tabindex: "-1" }, this.#text, this.#bar, this.#buttons)
  /** @type {Order | undefined} */
  #order
  /** @type {Step | undefined} */
  #step
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer
  #asking = false
  #asks = 0
  #failures = 0
  #said = ""
  #wasUnfinished = false

  /** @param {string} id @param {{ orders: ExportOrders, order?: Order, isAwaited: boolean }} parts whoever waits for it gets the file by itself */
  constructor(id, { orders, order, isAwaited }) {
    this.id = id
    this.orders = orders
    this.isAwaited = isAwaited
    this.path = `/api/exports/${encodeURIComponent(id)}`
    if (order) this.#see(order)
    else setText(this.#text, t("export_order.looking"))
  }

  /** Looks how far it is, and goes on looking as long as it is not over. */
  async ask() {
    clearTimeout(this.#timer)
    if (this.#asking || !this.#isOpen) return
    this.#asking = true
    const answer = await staffRequest("GET", this.path).catch(problem => problem)
    this.#asking = false
    if (!this.#isOpen) return // taken back meanwhile
    if (!(answer instanceof Error)) {
      this.#asks += 1
      this.#failures = 0
      this.#see(answer)
    } else if (!(answer instanceof ApiProblem) || isFinal(answer)) this.#end(answer)
    else {
      this.#failures += 1
      this.#show("under_way", t("export_order.lost"), "lost")
    }
    if (this.#isOpen) this.#timer = setTimeout(() => this.ask(), waitAfter(this.#asks, this.#failures))
  }

  get #isOpen() {
    return this.#step === undefined || this.#step === "under_way"
  }

  /** @param {Order} order */
  #see(order) {
    this.#order = order
    const { state, rows_done: done, rows_total: total } = order
    const share = total ? done / total : 0
    this.#bar.hidden = state !== "running"
    this.#filled.style.inlineSize = `${share * 100}%`
    if (state === "queued" || state === "running") {
      this.#wasUnfinished = true
      this.#show("under_way", wordsOf(order), `${state} ${Math.floor(share * QUARTERS)}`)
    } else if (state === "failed") this.#show("over", wordsOf(order), state)
    else if (this.isAwaited && this.#wasUnfinished) this.#fetch()
    else this.#show("ready", wordsOf(order), state)
  }

  async #fetch() {
    const file = this.#order?.file_name ?? ""
    this.#show("fetching", t("export_order.fetching", { file }), "fetching")
    try {
      await saveFile(await staffRequest("GET", `${this.path}/file`, { whole: true }), file)
      this.#show("ready", t("export_order.saved", { file }), "saved")
    } catch (problem) {
      if (problem instanceof ApiProblem && NOT_THERE.includes(problem.status)) this.#end(problem)
      else this.#show("ready", sentenceOf(problem), "not fetched")
    }
  }

  /** @param {string} done what is said when it is gone */
  async #delete(done) {
    try {
      await staffRequest("DELETE", this.path)
    } catch (problem) {
      if (!(problem instanceof ApiProblem) || !NOT_THERE.includes(problem.status))
        return this.#show(this.#step ?? "over", sentenceOf(problem), "not deleted")
    }
    clearTimeout(this.#timer)
    this.orders.forget(this.id)
    this.#bar.hidden = true
    return this.#show("over", done, "deleted")
  }

  /** It is not there, or not for us. @param {unknown} problem */
  #end(problem) {
    this.orders.forget(this.id)
    this.#bar.hidden = true
    const isGone = problem instanceof ApiProblem && NOT_THERE.includes(problem.status)
    this.#show("over", isGone ? t("export_order.gone") : sentenceOf(problem), "gone")
  }

  /** @param {Step} step @param {string} words @param {string} news said aloud when it is another than before */
  #show(step, words, news) {
    setText(this.#text, words)
    if (news !== this.#said) this.orders.say(words)
    this.#said = news
    if (step === this.#step) return
    const had = this.element.contains(document.activeElement)
    this.#step = step
    this.element.dataset.order = step
    fill(this.#buttons, ...this.#pressed(step))
    if (had) (this.#buttons.querySelector("button") ?? this.element).focus()
  }

  /** @param {Step} step */
  #pressed(step) {
    const button = (/** @type {string} */ words, /** @type {() => void} */ onclick) =>
      h("button", { type: "button", class: "button button-small", onclick }, words)
    const close = h(
      "button",
      {
        type: "button",
        class: "button button-quiet button-square button-small",
        "aria-label": t("export_order.close"),
        onclick: () => this.orders.remove(this),
      },
      icon(mdiClose),
    )
    if (step === "under_way") return [button(t("export_order.cancel"), () => this.#delete(t("export_order.cancelled")))]
    if (step === "ready")
      return [
        button(t("export_order.download"), () => this.#fetch()),
        button(t("export_order.delete"), () => this.#delete(t("export_order.deleted"))),
        close,
      ]
    return step === "over" ? [close] : []
  }
}

/** Asking again would not help. @param {ApiProblem} problem */
const isFinal = ({ status }) => status >= 400 && status < 500 && status !== 429

/** @param {unknown} problem */
const sentenceOf = problem => (problem instanceof ApiProblem ? problem.sentence : t("problem.unexpected"))
