// Whether the limits of a tenant are in force, and how much of its storage is used.

import { mdiCheckCircle, mdiProgressClock } from "@mdi/js"
import { byId, fill, h } from "../lib/dom.js"
import { formatBytes, formatFullDateTime, formatPercent } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { t } from "../lib/messages.js"
import { say } from "../lib/say.js"
import { notice } from "./feedback.js"

const MIB = 1024 ** 2

/** @param {import("../lib/tenants.js").TenantDetail} tenant */
export function drawLimits({ limits_applied: applied, limits_problem: problem, quota }) {
  fill(
    byId("limits-state", HTMLElement),
    h(
      "span",
      { class: `badge ${applied ? "tone-positive" : "tone-info"}` },
      icon(applied ? mdiCheckCircle : mdiProgressClock),
      applied ? t("config.applied") : t("config.waiting"),
    ),
  )
  fill(
    byId("limits-problem", HTMLElement),
    !applied && problem && notice("caution", t("config.not_applied"), h("p", {}, say(problem))),
  )
  fill(
    byId("storage-use", HTMLElement),
    ...(quota && quota.used_mib !== null ? use({ ...quota, used_mib: quota.used_mib }) : []),
  )
}

/** @param {{ used_mib: number, limit_mib: number, deadline: string | null }} quota */
function use({ used_mib: used, limit_mib: limit, deadline }) {
  const share = used / limit
  const filled = h("span", {})
  filled.style.inlineSize = `${Math.min(1, share) * 100}%`
  const level = share > 0.9 ? "negative" : share > 0.8 ? "caution" : ""
  const sizes = { used: formatBytes(used * MIB), total: formatBytes(limit * MIB) }
  return [
    h(
      "p",
      { class: "numbers flex flex-wrap justify-between gap-x-3" },
      h("span", {}, t("config.storage_used", sizes)),
      h("strong", { class: "font-semibold" }, formatPercent(share)),
    ),
    h("div", { class: "meter", "data-level": level, "aria-hidden": "true" }, filled),
    deadline && h("p", { class: "hint" }, t("config.quota_deadline", { time: formatFullDateTime(deadline) })),
  ]
}
