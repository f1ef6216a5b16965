// The page a customer watches after paying. It draws whatever the server says, from a socket or by asking,
// so a reload, a second device and Back all show the same truth.

import { failedCard } from "../elements/feedback.js"
import { LiveState } from "../elements/live-state.js"
import { startPreferences } from "../elements/preferences.js"
import { actionsOf, headlineOf, leadOf, orderFacts, waitsForNotice, wayBack } from "../elements/setup-words.js"
import { showHours } from "../elements/site-footer.js"
import { StepList } from "../elements/step-list.js"
import { ApiProblem, request } from "../lib/api.js"
import { byId, fill, h, setText } from "../lib/dom.js"
import { forgetDraft, keepSignup } from "../lib/draft.js"
import { formatClock, formatDuration, formatPercent } from "../lib/format.js"
import { Live } from "../lib/live.js"
import { label, t } from "../lib/messages.js"

/** @typedef {import("../elements/setup-words.js").Signup} Signup */

const POLL_SECONDS = 3
const ASK_AGAIN = 10_000
const FINAL = ["live", "rolled_back"]
const PAID = ["queued", "provisioning", "provision_failed", ...FINAL]

const token = location.pathname.split("/").filter(Boolean).at(-1) ?? ""
const path = `/api/signups/${encodeURIComponent(token)}`
const returned = new URLSearchParams(location.search)
const liveState = byId("live-state", LiveState)
const stepList = byId("steps", StepList)

/** @type {Signup | null} */
let shown = null
/** @type {Live | undefined} */
let live
let drawnOutcome = ""
/** @type {HTMLElement | undefined} */
let failure

// As the server called it.
const product = document.title.split(" · ").at(-1)

startPreferences()
showHours()
start()

async function start() {
  try {
    show(await request("GET", path))
  } catch (problem) {
    showLoadFailure(problem)
    return
  }
  askForPayment()
  if (isOver(shown)) return
  live = new Live(`/ws/signups/${encodeURIComponent(token)}`, {
    onMessage: show,
    onState: state => liveState.show(state),
    poll,
    pollSeconds: POLL_SECONDS,
    pauseWhenHidden: false,
  })
}

// The payment may be quicker than its notice to the server, so the server is told to look by itself until it knows.
async function askForPayment() {
  if (!shown || !waitsForNotice(shown, returned)) return
  await request("POST", `${path}/refresh`).then(show, () => {})
  setTimeout(askForPayment, ASK_AGAIN)
}

async function poll() {
  try {
    show(await request("GET", path))
  } catch (problem) {
    showStale()
    throw problem
  }
}

/** @param {Signup} signup */
function show(signup) {
  if (shown && Date.parse(signup.as_of) < Date.parse(shown.as_of)) return
  announceChanges(shown, signup)
  shown = signup
  showContent()
  if (PAID.includes(signup.state)) forgetDraft()
  // "Change details" leads to the form, which then knows what it is about, on this device too.
  if (signup.contact) keepSignup(token)
  liveState.dataFrom = signup.as_of
  byId("progress-card", HTMLElement).classList.remove("stale")
  setText(byId("stale-note", HTMLElement), "")
  setText(byId("headline", HTMLElement), headlineOf(signup, returned))
  setText(byId("lead", HTMLElement), leadOf(signup, returned))
  document.title = `${headlineOf(signup, returned)} · ${product}`
  drawOutcome(signup)
  drawProgress(signup)
  stepList.show(signup.steps, signup.as_of)
  liveState.hidden = isOver(signup)
  fill(byId("order", HTMLElement), ...orderFacts(signup))
  drawWayBack(signup)
  if (isOver(signup)) live?.stop()
}

// What is paused may run again at any moment.
/** @param {Signup | null} signup */
const isOver = signup => FINAL.includes(signup?.state ?? "") && signup?.rest !== "paused"

/** @param {Signup} signup */
function drawOutcome(signup) {
  const facts = JSON.stringify([
    signup.state,
    signup.failure,
    signup.checkout_url,
    signup.tenant_url,
    signup.refunded,
    signup.rest,
    signup.amount,
    signup.trial_days,
    signup.is_trial_refused,
  ])
  if (facts === drawnOutcome) return
  drawnOutcome = facts
  fill(byId("outcome", HTMLElement), ...actionsOf(signup, { returned, payAgain, open }))
}

// Once: whoever is copying the link is not disturbed.
/** @param {Signup} signup */
function drawWayBack(signup) {
  const place = byId("way-back", HTMLElement)
  if (place.childElementCount === 0) fill(place, ...wayBack(signup))
}

/** @param {Signup} signup */
function drawProgress(signup) {
  const percent = Math.round(signup.progress * 100)
  const bar = byId("progress", HTMLElement)
  bar.setAttribute("aria-valuenow", String(percent))
  bar.dataset.level = ["provision_failed", "rolled_back", "payment_failed"].includes(signup.state) ? "negative" : ""
  byId("progress-bar", HTMLElement).style.inlineSize = `${percent}%`
  setText(byId("percent", HTMLElement), formatPercent(signup.progress))
  setText(byId("estimate", HTMLElement), estimateOf(signup))
}

/** @param {Signup} signup */
function estimateOf({
  state,
  rest,
  estimate,
  started_at: started,
  finished_at: finished,
  as_of: asOf,
  eta_seconds: eta,
}) {
  if (state === "live" && !rest && started && finished) {
    return t("setup.took", { duration: formatDuration((Date.parse(finished) - Date.parse(started)) / 1000) })
  }
  if (!["queued", "provisioning"].includes(state) || !estimate || estimate.samples === 0) return ""
  const elapsed = started ? (Date.parse(asOf) - Date.parse(started)) / 1000 : 0
  if (elapsed > estimate.p90_seconds) return t("setup.longer_than_usual")
  if (eta !== null && eta >= 1) return t("setup.about_left", { duration: formatDuration(Math.round(eta)) })
  return t("setup.usually", { p50: formatDuration(estimate.p50_seconds), p90: formatDuration(estimate.p90_seconds) })
}

/** @param {Signup | null} before @param {Signup} now */
function announceChanges(before, now) {
  if (!before) return
  const log = byId("announcements", HTMLElement)
  now.steps.forEach((step, index) => {
    if (before.steps[index]?.state === step.state || step.state === "queued") return
    log.append(h("p", {}, `${label("step", step.name)}: ${label("step_state", step.state)}`))
  })
  if (before.state !== now.state) log.append(h("p", {}, headlineOf(now, returned)))
}

function showStale() {
  if (!shown) return
  byId("progress-card", HTMLElement).classList.add("stale")
  setText(byId("stale-note", HTMLElement), t("setup.stale", { time: formatClock(shown.as_of) }))
}

// The skeleton goes when there is something true to show.
function showContent() {
  byId("waiting", HTMLElement).hidden = true
  byId("waiting", HTMLElement).removeAttribute("aria-busy")
  byId("setup", HTMLElement).hidden = false
}

/** @param {unknown} problem */
function showLoadFailure(problem) {
  showContent()
  const missing = problem instanceof ApiProblem && problem.status === 404
  setText(byId("headline", HTMLElement), missing ? t("setup.unknown") : t("setup.failed_to_load"))
  setText(byId("lead", HTMLElement), missing ? t("setup.unknown_text") : "")
  byId("progress-card", HTMLElement).hidden = true
  byId("aside", HTMLElement).hidden = true
  const retry = () => location.reload()
  fill(
    byId("outcome", HTMLElement),
    missing
      ? h("p", {}, h("a", { class: "button button-primary", href: "/#sign-up" }, t("setup.start_again")))
      : failedCard(problem, retry),
  )
}

/** Opens a payment page for the same name. @param {HTMLButtonElement} button */
async function payAgain(button) {
  if (button.getAttribute("aria-disabled") === "true") return
  button.setAttribute("aria-disabled", "true")
  try {
    const answer = await request("POST", `${path}/checkout`)
    location.assign(answer.checkout_url)
  } catch (problem) {
    button.removeAttribute("aria-disabled")
    button.after(failedCard(problem))
  }
}

/** The page's address is secret, so it may ask for the owner's way in. @param {HTMLButtonElement} button */
async function open(button) {
  if (button.getAttribute("aria-disabled") === "true") return
  button.setAttribute("aria-disabled", "true")
  failure?.remove()
  try {
    const { url } = await request("POST", `${path}/open`)
    location.assign(url)
  } catch (problem) {
    failure = failedCard(problem)
    button.parentElement?.after(failure)
  }
  button.removeAttribute("aria-disabled")
}
