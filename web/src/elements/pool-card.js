// Places that stand ready before anybody asks for them, and what they save: pooled beside cold, paid to live.

import { byId, fill, h } from "../lib/dom.js"
import { formatDuration, formatNumber } from "../lib/format.js"
import { t } from "../lib/messages.js"
import { staffRequest } from "../lib/session.js"
import { planName } from "./tenant-badges.js"

/**
 * @typedef {{ blueprint: string, plan: string, ready: number, building: number, target: number,
 *             p95_pooled_seconds: number | null, p95_cold_seconds: number | null }} Place
 */

/** The dashboard is whole without it. @returns {Promise<Place[]>} */
export const fetchPool = () =>
  staffRequest("GET", "/api/tenants/pool").then(
    answer => answer.data,
    () => [],
  )

/** @param {Place[]} places none: there is no pool, and then no card */
export function drawPool(places) {
  byId("pool-card", HTMLElement).hidden = places.length === 0
  fill(byId("pool", HTMLElement), places.length > 0 && table(places))
}

/** @param {Place[]} places */
function table(places) {
  const titles = [
    t("pool.for"),
    t("pool.ready"),
    t("pool.building"),
    t("pool.target"),
    t("pool.pooled"),
    t("pool.cold"),
  ]
  /** @param {number | null} seconds */
  const time = seconds => (seconds === null ? "–" : formatDuration(seconds))
  return h(
    "table",
    { class: "table" },
    h("caption", { class: "sr-only" }, t("pool.title")),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...titles.map((title, index) =>
          h("th", { scope: "col", class: index > 0 ? "align-end" : "sticky-column" }, title),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      ...places.map(place =>
        h(
          "tr",
          {},
          h("th", { scope: "row", class: "sticky-column" }, `${place.blueprint} · ${planName(place.plan)}`),
          h(
            "td",
            { class: `align-end ${place.ready < place.target ? "text-caution" : ""}` },
            formatNumber(place.ready),
            place.ready < place.target && h("span", { class: "sr-only" }, ` ${t("pool.short")}`),
          ),
          h("td", { class: "align-end" }, formatNumber(place.building)),
          h("td", { class: "align-end" }, formatNumber(place.target)),
          h("td", { class: "align-end" }, time(place.p95_pooled_seconds)),
          h("td", { class: "align-end" }, time(place.p95_cold_seconds)),
        ),
      ),
    ),
  )
}
