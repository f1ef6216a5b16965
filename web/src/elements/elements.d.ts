// The custom elements by their tags, so that the type checker knows what document.createElement returns.
import type { DataTable } from "./data-table/data-table.js"
import type { FigureTile } from "./figure-tile.js"
import type { LiveState } from "./live-state.js"
import type { RangePicker } from "./range-picker.js"
import type { SeriesChart } from "./series-chart.js"
import type { StatusBadge } from "./status-badge.js"
import type { StepList } from "./step-list.js"

declare global {
  interface HTMLElementTagNameMap {
    "data-table": DataTable
    "figure-tile": FigureTile
    "live-state": LiveState
    "range-picker": RangePicker
    "series-chart": SeriesChart
    "status-badge": StatusBadge
    "step-list": StepList
  }
}
