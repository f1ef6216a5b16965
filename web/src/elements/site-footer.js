// The foot of public pages: when somebody is there to answer, where staff have said so.

import { byId, setText } from "../lib/dom.js"
import { locale, t } from "../lib/messages.js"
import { clockText, weekdayNames } from "../lib/setting-values.js"

export function showHours() {
  const place = byId("hours", HTMLParagraphElement)
  const { days, begins, ends, zone = "UTC" } = place.dataset
  if (!days) return
  const names = weekdayNames(locale)
  const numbers = days.split(",").map(Number).sort()
  const [first, last] = [names[numbers[0] - 1], names[(numbers.at(-1) ?? 1) - 1]]
  const isRow = numbers.length > 2 && numbers.every((day, index) => day === numbers[0] + index)
  const list = new Intl.ListFormat(locale).format(numbers.map(day => names[day - 1]))
  setText(
    place,
    t("hours.text", {
      days: isRow ? t("hours.days", { first, last }) : list,
      from: clockText(Number(begins)),
      until: clockText(Number(ends)),
      zone: zone.replaceAll("_", " "),
    }),
  )
}
