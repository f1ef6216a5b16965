// The custom elements by their tags, so that the type checker knows what document.createElement returns.
import type { DataTable } from "./data-table/data-table.js"
import type { LiveState } from "./live-state.js"
import type { MrrChart } from "./mrr-chart.js"
import type { StatusBadge } from "./status-badge.js"
import type { StepList } from "./step-list.js"
import type { UsageChart } from "./usage-chart.js"

declare global {
  interface HTMLElementTagNameMap {
    "data-table": DataTable
    "live-state": LiveState
    "mrr-chart": MrrChart
    "status-badge": StatusBadge
    "step-list": StepList
    "usage-chart": UsageChart
  }
}
