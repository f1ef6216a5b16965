// The sign-up that this browser has begun, said above the form: until when its name is held, or that it is on its way.

import { h } from "../lib/dom.js"
import { openSignup } from "../lib/draft.js"
import { formatDateTime } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { notice } from "./feedback.js"

/** @typedef {import("./setup-words.js").Signup} Signup */

/** @param {Signup} signup @param {() => void} startAfresh */
export const begunNotice = (signup, startAfresh) =>
  notice(
    "info",
    t("own.title", { address: addressOf(signup) }),
    h("p", {}, t("own.text", { time: formatDateTime(signup.name_held_until ?? "") })),
    h(
      "p",
      { class: "flex flex-wrap gap-2" },
      progressLink(),
      h("button", { type: "button", class: "button button-small", onclick: startAfresh }, t("own.afresh")),
    ),
  )

/** @param {Signup} signup */
export const onItsWayNotice = signup =>
  notice(
    "info",
    t("own.on_its_way", { address: addressOf(signup) }),
    h("p", {}, signup.state === "payment_processing" ? t("own.waits_for_bank") : t("own.is_built")),
    h("p", {}, progressLink()),
  )

/** @param {Signup} signup */
const addressOf = ({ tenant_url: url }) => url.replace(/^https?:\/\//, "")
const progressLink = () => h("a", { class: "button button-small", href: `/setup/${openSignup()}` }, t("own.progress"))
