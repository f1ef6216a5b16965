// What must always be true of the books, the tenants and the work: which of it is, which is not and by which rows, and a
// round of checks when somebody asks for one.

import "../elements/status-badge.js"
import { startConsole } from "../elements/console-shell.js"
import { endWaiting, failedCard, notice } from "../elements/feedback.js"
import { timeText } from "../elements/time-text.js"
import { byId, fill, h, redraw, setText } from "../lib/dom.js"
import { formatNumber } from "../lib/format.js"
import { label, t } from "../lib/messages.js"
import { shown } from "../lib/parameters.js"
import { staffRequest } from "../lib/session.js"

/**
 * @typedef {{ subject: string, link_kind: string | null, link_id: string | null,
 *   details: import("../lib/parameters.js").Parameters | null }} Row
 * @typedef {{ name: string, severity: "medium" | "high", state: "green" | "red" | "unknown", offenders: number | null,
 *   since: string | null, checked_at: string | null, error: string | null, rows: Row[] }} Check
 * @typedef {{ data: Check[], run: { state: "idle" | "waiting" | "running" }, overdue: boolean }} Checks
 */

const PATH = "/api/invariants"
const EVERY = 1000
const MOST_COUNTED = 1000
/** @type {Check["state"][]} */
const ORDER = ["red", "unknown", "green"]

/** Where the console shows what a row is about. @type {Record<string, (id: string) => string>} */
const ADDRESSES = {
  tenant: id => `/admin/tenants/${encodeURIComponent(id)}`,
  jobs: state => `/admin/jobs?state=${encodeURIComponent(state)}`,
  findings: kind => `/admin/billing/findings?kind=${encodeURIComponent(kind)}`,
}

/** What somebody has looked at since the last round, by name. @type {Map<string, Check>} */
const looked = new Map()
/** What is being looked at, and what could not be. */
const looking = new Set()
/** @type {Map<string, HTMLElement>} */
const failed = new Map()
/** As the last answer had them. @type {Checks | undefined} */
let newest

const place = byId("checks", HTMLDivElement)
const problem = byId("problem", HTMLDivElement)
const button = byId("run", HTMLButtonElement)
const said = byId("said", HTMLParagraphElement)

startConsole().then(
  async () => {
    button.addEventListener("click", run)
    await look()
    // The rows were not there yet when the browser looked for them.
    document.getElementById(location.hash.slice(1))?.scrollIntoView()
  },
  () => {},
)

async function run() {
  if (isRunning()) return
  showRound(true)
  try {
    await staffRequest("POST", `${PATH}/run`, { body: {} })
    await look()
  } catch (failure) {
    showRound(false)
    fill(problem, failedCard(failure, run))
  }
}

// It keeps the focus, which a disabled one would lose.
const isRunning = () => button.getAttribute("aria-disabled") === "true"

/** @param {boolean} runs */
function showRound(runs) {
  if (runs) place.dataset.round = "runs"
  else if (isRunning()) place.dataset.round = "over"
  button.setAttribute("aria-disabled", String(runs))
  setText(button, runs ? t("invariants.running") : t("invariants.run"))
}

/** As often as there is something to see. */
async function look() {
  try {
    /** @type {Checks} */
    const checks = await staffRequest("GET", PATH)
    fill(problem)
    draw(checks)
    if (checks.run.state !== "idle") setTimeout(look, EVERY)
  } catch (failure) {
    fill(problem, failedCard(failure, look))
  } finally {
    endWaiting()
  }
}

/** @param {Checks} checks */
function draw(checks) {
  newest = checks
  const { run, overdue } = checks
  const data = checks.data.map(newer)
  showRound(run.state !== "idle")
  drawRound(data)
  const of = (/** @type {Check["state"]} */ wanted) => data.filter(check => check.state === wanted)
  redraw(
    place,
    overdue && notice("caution", t("invariants.overdue"), h("p", {}, t("invariants.overdue_text"))),
    ...[...of("red"), ...of("unknown").filter(({ error }) => error)].map(card),
    listOf([...of("unknown").filter(({ error }) => !error), ...of("green")]),
  )
  place.hidden = false
}

/** As the last round has left it, or as somebody has seen it since. @param {Check} check */
function newer(check) {
  const seen = looked.get(check.name)
  if (seen && timeOf(seen) > timeOf(check)) return seen
  looked.delete(check.name)
  return check
}

/** @param {Check} check */
const timeOf = ({ checked_at: at }) => (at ? Date.parse(at) : 0)

/** @param {Check[]} data */
function drawRound(data) {
  const times = data.flatMap(({ checked_at: at }) => at ?? []).sort()
  const [red, unknown, green] = ORDER.map(wanted => data.filter(check => check.state === wanted).length)
  const counts = { red: formatNumber(red), unknown: formatNumber(unknown), green: formatNumber(green) }
  redraw(
    byId("round", HTMLParagraphElement),
    times.length === 0
      ? h("span", {}, t("invariants.never"))
      : [
          h("span", {}, green === data.length ? t("invariants.all_green") : t("invariants.counts", counts)),
          h("span", {}, t("invariants.last"), " ", timeText(times[0])),
        ],
  )
}

/** One that needs somebody. @param {Check} check */
function card(check) {
  const { name, offenders, since, error, rows } = check
  return h(
    "section",
    { class: "card", id: name, "aria-labelledby": `${name}-title` },
    h(
      "div",
      { class: "card-head" },
      h("h2", { id: `${name}-title`, class: "min-w-0 wrap-anywhere" }, words(check)),
      h("status-badge", { kind: "invariant", value: check.state }),
    ),
    h(
      "div",
      { class: "card-body grid gap-3" },
      isRed(check) && h("p", { class: "text-soft" }, label("invariant_why", name, "")),
      error && h("p", {}, label("invariant_error", error, t("invariants.error", { code: error }))),
      offenders !== null &&
        h(
          "p",
          { class: "flex flex-wrap items-center gap-x-3 gap-y-1" },
          h("strong", {}, countOf(offenders)),
          since && h("span", { class: "hint" }, t("invariants.since"), " ", timeText(since)),
          offenders > rows.length && h("span", { class: "hint" }, shownOf(rows.length, offenders)),
        ),
      rows.length > 0 && h("ul", { class: "divide-y divide-line border-y border-line" }, ...rows.map(rowOf)),
      h("div", { class: "screen-only grid gap-2" }, lookAgain(check), failed.get(name)),
    ),
  )
}

/** Those about which there is nothing to say. @param {Check[]} checks */
function listOf(checks) {
  if (checks.length === 0) return false
  return h(
    "section",
    { class: "card", "aria-labelledby": "fine-title" },
    h("div", { class: "card-head" }, h("h2", { id: "fine-title" }, t("invariants.fine"))),
    h(
      "ul",
      { class: "mt-2 divide-y divide-line" },
      ...checks.map(check =>
        h(
          "li",
          {
            class: "flex flex-wrap items-start justify-between gap-x-4 gap-y-1 px-4.5 py-3",
            id: check.name,
            tabindex: -1,
          },
          h(
            "div",
            { class: "grid min-w-0 flex-1 basis-64 gap-0.5" },
            h("p", { class: "wrap-anywhere" }, words(check)),
            looked.has(check.name) && h("p", { class: "hint numbers" }, ...answerOf(check)),
          ),
          h("status-badge", { kind: "invariant", value: check.state }),
        ),
      ),
    ),
  )
}

/** @param {Check} check */
const isRed = ({ state }) => state === "red"

/** What is wrong, or what must be true. @param {Check} check */
const words = check => (isRed(check) ? label("invariant_broken", check.name) : label("invariant", check.name))

/** @param {number} count */
const countOf = count =>
  count > MOST_COUNTED ? t("invariants.more_rows", { count: MOST_COUNTED }) : t("invariants.rows", { count })

/** @param {number} shown @param {number} offenders */
const shownOf = (shown, offenders) =>
  offenders > MOST_COUNTED
    ? t("invariants.shown_of_more", { shown, all: MOST_COUNTED })
    : t("invariants.shown", { shown, all: offenders })

/** What looking has found, and when that was. @param {Check} check */
const answerOf = ({ state, checked_at: at }) => [
  t("invariants.looked"),
  " ",
  at && timeText(at),
  " · ",
  label("invariant_answer", state),
]

/** More of its rows, as they are now; what comes of it stands beside the button. @param {Check} check */
function lookAgain(check) {
  const { name } = check
  const runs = looking.has(name)
  return h(
    "p",
    { class: "flex flex-wrap items-center gap-x-3 gap-y-1" },
    h(
      "button",
      {
        type: "button",
        class: "button button-small",
        id: `${name}-look`,
        "aria-disabled": runs && "true",
        onclick: () => lookAt(name),
      },
      runs ? t("invariants.looking") : t("invariants.look"),
      h("span", { class: "sr-only" }, ` ${words(check)}`),
    ),
    looked.has(name) && h("span", { class: "hint numbers" }, ...answerOf(check)),
  )
}

/** @param {string} name */
async function lookAt(name) {
  if (looking.has(name)) return
  looking.add(name)
  failed.delete(name)
  setText(said, "")
  drawAgain()
  let outcome = ""
  try {
    /** @type {Check} */
    const check = await staffRequest("GET", `${PATH}/${encodeURIComponent(name)}`)
    looked.set(name, check)
    outcome = `${label("invariant_answer", check.state)} ${words(check)}`
  } catch (failure) {
    const problem = failedCard(failure)
    failed.set(name, problem)
    outcome = problem.textContent ?? ""
  }
  looking.delete(name)
  const hadFocus = document.activeElement?.id === `${name}-look`
  drawAgain()
  // Where it belongs now the button may be gone.
  const there = document.getElementById(`${name}-look`) ?? document.getElementById(name)
  if (hadFocus) there?.focus()
  setText(said, outcome)
}

function drawAgain() {
  if (newest) draw(newest)
}

/** @param {Row} row */
function rowOf({ subject, link_kind: kind, link_id: id, details }) {
  const address = kind && id && ADDRESSES[kind]?.(id)
  return h(
    "li",
    { class: "grid gap-1 py-2.5" },
    h(
      "div",
      { class: "flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1" },
      h("code", { class: "min-w-0 wrap-anywhere", translate: "no" }, subject),
      address && h("a", { class: "inline-block min-h-6 py-0.5", href: address }, label("invariant_link", kind)),
    ),
    factsOf(details),
  )
}

/** @param {Row["details"]} details */
function factsOf(details) {
  const values = shown(details ?? {}, {
    state: code => label("state", code),
    holds: codes =>
      codes
        .split(", ")
        .map(code => label("hold", code))
        .join(", "),
  })
  const names = Object.keys(values).filter(name => name !== "currency" && details?.[name] !== null)
  if (names.length === 0) return false
  return h(
    "dl",
    { class: "flex flex-wrap gap-x-5 gap-y-1 text-sm" },
    ...names.map(name =>
      h(
        "div",
        { class: "flex min-w-0 flex-wrap gap-x-1.5" },
        h("dt", { class: "text-soft" }, label("invariant_detail", name)),
        h("dd", { class: "numbers min-w-0 wrap-anywhere" }, isCode(name) ? code(values[name]) : values[name]),
      ),
    ),
  )
}

const WORDS = ["at", "amount", "count", "state", "holds"]
/** What a page has no words for: names, kinds, messages of the program. @param {string} name */
const isCode = name => !WORDS.includes(name.split("_").at(-1) ?? "")
/** @param {string | number} value */
const code = value => h("code", { translate: "no", lang: "en" }, value)
