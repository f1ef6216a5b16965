// <status-badge kind="tenant" value="live">: one look for every state, as icon, word and colour.

import {
  mdiAlertCircleOutline,
  mdiAlertOutline,
  mdiArchiveOutline,
  mdiCheckCircle,
  mdiCircleOutline,
  mdiClockOutline,
  mdiHelpCircleOutline,
  mdiInboxOutline,
  mdiMinus,
  mdiPauseCircleOutline,
  mdiProgressClock,
  mdiTrashCanOutline,
  mdiUndo,
} from "@mdi/js"
import { fill } from "../lib/dom.js"
import { icon } from "../lib/icons.js"
import { label } from "../lib/messages.js"

/** @typedef {{ tone: string, path: string }} Look */

const good = { tone: "tone-positive", path: mdiCheckCircle }
const waiting = { tone: "", path: mdiClockOutline }
const moving = { tone: "tone-info", path: mdiProgressClock }
const warning = { tone: "tone-caution", path: mdiAlertOutline }
const bad = { tone: "tone-negative", path: mdiAlertCircleOutline }
const still = { tone: "tone-caution", path: mdiPauseCircleOutline }
const unknown = { tone: "", path: mdiHelpCircleOutline }

/** @type {Record<string, Look>} */
const LOOKS = {
  reserved: waiting,
  awaiting_payment: waiting,
  queued: { tone: "", path: mdiCircleOutline },
  provisioning: moving,
  running: moving,
  live: good,
  suspending: moving,
  suspended: still,
  resuming: moving,
  archiving: moving,
  archived: { tone: "", path: mdiArchiveOutline },
  purging: moving,
  purged: { tone: "", path: mdiTrashCanOutline },
  provision_failed: bad,
  rolled_back: { tone: "tone-negative", path: mdiUndo },
  payment_processing: moving,
  payment_failed: bad,
  expired: warning,
  active: good,
  disabled: still,
  revoked: { tone: "", path: mdiMinus },
  healthy: good,
  degraded: warning,
  down: bad,
  done: good,
  failed: bad,
  undone: { tone: "tone-caution", path: mdiUndo },
  sent: good,
  handed: moving,
  bounced: bad,
  suppressed: still,
  kept: { tone: "tone-info", path: mdiInboxOutline },
  skipped: { tone: "", path: mdiMinus },
  ok: good,
  succeeded: good,
  stored: { tone: "tone-info", path: mdiInboxOutline },
  verified: good,
  damaged: bad,
  deleted: { tone: "", path: mdiTrashCanOutline },
  orphan: warning,
  ghost: bad,
  drift: warning,
  stranger: { tone: "", path: mdiMinus },
  waiting_for_dns: warning,
  waiting_for_certificate: moving,
  certificate_failed: bad,
  subscription_for_nothing: bad,
  tenant_without_subscription: bad,
  tenant_pays_twice: bad,
  money_owed: bad,
  runs: good,
  refunding: moving,
  refunded: { tone: "tone-caution", path: mdiUndo },
  needs_person: bad,
  green: good,
  red: bad,
  waiting,
  dead: bad,
  received: waiting,
  applied: good,
  ignored: { tone: "", path: mdiMinus },
  foreign: { tone: "", path: mdiMinus },
  unlinked: warning,
  open: warning,
  resolved: good,
  draft: { tone: "", path: mdiCircleOutline },
  paid: good,
  overdue: bad,
  void: { tone: "", path: mdiMinus },
  uncollectible: bad,
  pending: moving,
  requires_action: warning,
  canceled: { tone: "", path: mdiMinus },
  valid: good,
  issued: good,
  soon: warning,
  needs_response: bad,
  under_review: moving,
  won: good,
  lost: bad,
  warning_needs_response: warning,
  warning_under_review: moving,
  warning_closed: { tone: "", path: mdiMinus },
  prevented: good,
}

/** @param {string} value */
export const lookOf = value => LOOKS[value] ?? unknown

export class StatusBadge extends HTMLElement {
  static observedAttributes = ["kind", "value"]

  connectedCallback() {
    this.#render()
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#render()
  }

  #render() {
    const value = this.getAttribute("value") ?? "unknown"
    const look = lookOf(value)
    this.className = `badge ${look.tone}`
    fill(this, icon(look.path), word(this.getAttribute("kind"), value))
  }
}

/** @param {string | null} kind @param {string} value */
function word(kind, value) {
  if (kind === "health") return label("health", value)
  if (kind === "mail") return label("mail_state", value)
  if (kind === "step") return label("step_state", value)
  if (kind === "operation") return label("operation_state", value)
  if (kind === "backup") return label("backup_state", value)
  if (kind === "domain") return label("domain_state", value)
  if (kind === "finding") return label("finding", value)
  if (kind === "billing_finding") return label("billing_finding", value)
  if (kind === "stripe_event") return label("stripe_event_state", value)
  if (kind === "difference") return label("difference_state", value)
  if (kind === "late_payment") return label("late_payment", value)
  if (kind === "payment_failure") return label("failure_status", value)
  if (kind === "refund") return label("refund_status", value)
  if (kind === "dispute") return label("dispute_status", value)
  if (kind === "credit_note") return label("credit_note_status", value)
  if (kind === "method_expiry") return label("method_expiry", value)
  if (kind === "invariant") return label("invariant_state", value)
  if (kind === "invoice") return label("invoice_status", value)
  if (kind === "attempt") return label("attempt_outcome", value)
  if (kind === "job") return label("job_state", value)
  if (kind === "outcome") return label("outcome", value)
  return label("state", value)
}

customElements.define("status-badge", StatusBadge)
