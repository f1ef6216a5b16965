// What the server has to say, as a sentence of the page's language: its code chooses the words.

import { label, t } from "./messages.js"
import { shown } from "./parameters.js"

/** @typedef {{ code: string, parameters: import("./parameters.js").Parameters, text: string }} Said `text` is English, for programs */

const LABELS = {
  /** @param {string} code */
  state: code => label("state", code),
  /** @param {string} code */
  failure: code => label("failure", code, t("failure.other")),
  /** @param {string} code why a refund failed */
  refusal: code => label("refund_failure", code, t("refund_failure.unknown")),
  /** @param {string} codes */
  holds: codes =>
    codes
      .split(", ")
      .map(code => label("hold", code))
      .join(", "),
}

/** @param {Said} message */
export function say({ code, parameters }) {
  // What the server refuses has its words among the problems.
  const unknown = label("problem", code, t("reason_unknown", { code }))
  return label("reason", code, unknown, shown(parameters, LABELS))
}

/** Who did it: a person by their name, a part of the program by its word. @param {string} actor */
export const actorName = actor => label("actor_name", actor.replaceAll(" ", "_"), actor)
