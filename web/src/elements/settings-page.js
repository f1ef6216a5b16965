// What stands there while settings are being read, and when they cannot be.

import { byId, fill } from "../lib/dom.js"
import { failedCard } from "./feedback.js"

/** @param {() => Promise<unknown>} show */
export async function openSettings(show) {
  const waiting = byId("waiting", HTMLElement)
  try {
    await show()
    fill(byId("problem", HTMLElement))
    byId("edited-form", HTMLFormElement).hidden = false
  } catch (problem) {
    fill(
      byId("problem", HTMLElement),
      failedCard(problem, () => openSettings(show)),
    )
  }
  waiting.hidden = true
  waiting.removeAttribute("aria-busy")
}
