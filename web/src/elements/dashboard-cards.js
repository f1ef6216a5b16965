// The smaller cards of the dashboard: what needs attention, the sign-up funnel, the work in hand and the machine.

import { mdiAlertCircleOutline, mdiAlertOutline, mdiCheckCircle } from "@mdi/js"
import { funnel as funnelChart } from "../lib/chart/cells.js"
import { h } from "../lib/dom.js"
import { formatBytes, formatDateTime, formatDuration, formatNumber, formatPercent } from "../lib/format.js"
import { icon } from "../lib/icons.js"
import { label, t } from "../lib/messages.js"

/** @typedef {import("../lib/metrics.js").Metrics} Metrics */

/** The server counts up to one more than a thousand. @param {number} count */
const counted = count => (count > 1000 ? t("tenants.at_least", { count: formatNumber(1000) }) : formatNumber(count))

/** What was found outside, what to do, and the setting that leads there. @param {import("../lib/metrics.js").Attention} item */
function checkWords({ kind, setting, code, parameters, detail }) {
  const values = Object.fromEntries(Object.entries(parameters ?? {}).map(([name, value]) => [name, readable(value)]))
  const found = label("check_found", code ?? "", "", values)
  const usual = label("check_advice", kind.replace("check_", ""), "")
  return h(
    "span",
    { class: "mt-1 grid gap-1 text-sm text-soft wrap-anywhere" },
    found
      ? h("span", {}, found)
      : h("span", {}, t("attention.message"), " ", h("code", { lang: "en", translate: "no" }, detail ?? "")),
    h("span", {}, label("check_advice", code ?? "", usual, values)),
    setting ? h("span", {}, t("attention.setting"), " ", h("code", {}, setting)) : "",
  )
}

/** Not something that is counted. @param {import("../lib/metrics.js").Attention} item */
const isCheck = item => item.kind.startsWith("check_")

/** Times come as the API writes them. @param {string} value */
const readable = value => (/^\d{4}-\d\d-\d\dT/.test(value) ? formatDateTime(value) : value)

/** @param {Metrics} metrics */
export function attentionList({ attention }) {
  if (attention.length === 0) {
    return h(
      "p",
      { class: "flex gap-2 text-soft" },
      h("span", { class: "text-positive" }, icon(mdiCheckCircle)),
      t("attention.nothing"),
    )
  }
  const sorted = [...attention].sort((a, b) => Number(b.severity === "high") - Number(a.severity === "high"))
  return h(
    "ul",
    { class: "-mx-2 grid gap-1" },
    ...sorted.map(item => {
      const high = item.severity === "high"
      const tone = high ? "text-negative" : "text-caution"
      const content = [
        h("span", { class: tone }, icon(high ? mdiAlertCircleOutline : mdiAlertOutline)),
        h(
          "span",
          { class: "min-w-0 flex-1" },
          item.kind === "invariant" ? label("invariant_broken", item.code ?? "") : label("attention", item.kind),
          h("span", { class: "sr-only" }, ` (${label("severity", item.severity)})`),
          isCheck(item) ? checkWords(item) : "",
        ),
        isCheck(item) ? "" : h("span", { class: "numbers font-semibold" }, counted(item.count)),
      ]
      const row = "menu-item items-start"
      return h(
        "li",
        {},
        item.href ? h("a", { class: row, href: item.href }, ...content) : h("div", { class: row }, ...content),
      )
    }),
  )
}

/** @param {Metrics} metrics */
export function funnel({ signups_funnel: { days, started, paid, live } }) {
  if (started === 0) return h("p", { class: "text-soft" }, t("funnel.empty", { count: days }))
  const steps = { started, paid, live }
  return h(
    "div",
    { class: "grid gap-4" },
    h("p", { class: "hint" }, t("funnel.days", { count: days })),
    funnelChart({
      definition: "signups_funnel",
      unit: { kind: "count", decimals: 0, currency: null },
      axis: "names",
      range: null,
      columns: [{ id: "signups", mark: "bar" }],
      rows: Object.entries(steps).map(([key, count]) => ({ key, complete: true, values: [count], drill: null })),
      comparison: null,
      limit: null,
    }),
  )
}

/** @param {Metrics} metrics */
export function workInHand({ provisioning, jobs }) {
  /** @param {string} name @param {"waiting" | "running" | "dead"} state */
  const fact = (name, state) => [
    h("dt", {}, name),
    h(
      "dd",
      { class: "numbers text-end font-medium" },
      h("a", { class: "inline-block min-w-6 py-0.5", href: `/admin/jobs?state=${state}` }, counted(jobs[state])),
    ),
  ]
  const { samples, p50_seconds: p50, p90_seconds: p90 } = provisioning
  return h(
    "div",
    { class: "grid gap-4" },
    samples === 0 || p50 === null || p90 === null
      ? h("p", { class: "text-soft" }, t("work.no_samples"))
      : h(
          "div",
          {},
          h("p", { class: "text-sm text-soft" }, t("work.usual")),
          h("p", { class: "figure" }, formatDuration(p50)),
          h(
            "p",
            { class: "text-sm text-soft" },
            t("work.ninety", { duration: formatDuration(p90) }),
            " · ",
            t("work.samples", { count: samples }),
          ),
        ),
    h(
      "dl",
      { class: "grid grid-cols-[1fr_auto] gap-x-4 gap-y-2 border-t border-line pt-3" },
      ...fact(t("work.waiting"), "waiting"),
      ...fact(t("work.running"), "running"),
      ...fact(t("work.dead"), "dead"),
    ),
  )
}

/** @param {Metrics} metrics */
export function hostMeters({ host }) {
  if (!host) return h("p", { class: "text-soft" }, t("host.none"))
  const memory = host.memory_used_bytes / host.memory_total_bytes
  const disk = host.disk_used_bytes / host.disk_total_bytes
  /** @param {number} used @param {number} total */
  const amount = (used, total) => t("host.used", { used: formatBytes(used), total: formatBytes(total) })
  return h(
    "div",
    { class: "grid gap-4" },
    meter(
      t("host.cpu"),
      host.cpu_percent / 100,
      t("host.cores", { count: host.cpu_count, load: formatNumber(host.load_1m, 2) }),
    ),
    meter(t("host.memory"), memory, amount(host.memory_used_bytes, host.memory_total_bytes)),
    meter(t("host.disk"), disk, amount(host.disk_used_bytes, host.disk_total_bytes)),
  )
}

/** @param {string} name @param {number} share @param {string} note */
function meter(name, share, note) {
  return h(
    "div",
    { class: "grid gap-1.5" },
    h(
      "p",
      { class: "numbers flex justify-between gap-3" },
      h("span", {}, name),
      h("strong", { class: "font-semibold" }, formatPercent(share)),
    ),
    bar("meter", share, share > 0.9 ? "negative" : share > 0.8 ? "caution" : ""),
    h("p", { class: "numbers text-sm text-soft" }, note),
  )
}

/** @param {string} kind @param {number} share @param {string} [level] */
function bar(kind, share, level = "") {
  const filled = h("span", {})
  filled.style.inlineSize = `${Math.max(0, Math.min(1, share)) * 100}%`
  return h("div", { class: kind, "data-level": level, "aria-hidden": "true" }, filled)
}
