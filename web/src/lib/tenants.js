// One tenant as the API describes it, and what may be done with it in which state.

/** @typedef {import("../elements/tenant-badges.js").Tenant} Tenant */
/** @typedef {{ reason: string, placed_at: string, placed_by: string, note: string | null, message: import("./say.js").Said | null,
 *   expires_at: string | null }} Hold */
/** @typedef {{ active: boolean, from: string | null, until: string | null, message: string | null }} Maintenance */
/**
 * @typedef {Omit<Tenant, "maintenance"> & {
 *   version: number, blueprint: string, plan_quantity: number, max_users: number, storage_limit_mib: number, memory_limit_mib: number,
 *   cpu_limit_percent: number, process_limit: number, limits_applied: boolean, limits_problem: import("./say.js").Said | null,
 *   maintenance: Maintenance | null, holds_detail: Hold[], aliases: { subdomain: string, expires_at: string }[],
 *   archived_at: string | null, restorable_until: string | null, backed_up_at: string | null,
 *   application_version: string | null, member: string | null,
 *   quota: { used_mib: number | null, limit_mib: number, warned_at: string | null, deadline: string | null } | null,
 *   steps: import("../elements/step-list.js").Step[],
 *   failure: null | { code: string, attempt: number, retry_at: string | null } }} TenantDetail
 */
/**
 * @typedef {{ id: string, kind: string, state: "queued" | "running" | "succeeded" | "failed", stage: string | null,
 *   result: unknown, error_code: string | null, error_detail: string | null, requested_by: string, created_at: string,
 *   started_at: string | null, finished_at: string | null }} Operation
 */
/**
 * @typedef {{ id: string, reason: string, state: string, target: string, size_bytes: number | null, files: number | null,
 *   requested_by: string, started_at: string, finished_at: string | null, verified_at: string | null,
 *   tested_at: string | null, test_result: Record<string, unknown> | null, expires_at: string | null,
 *   error_code: string | null, error_detail: string | null }} Backup
 */
/** @template Row @typedef {{ data: Row[], next_cursor: string | null, has_more: boolean }} Page */

export const MOVING_STATES = [
  "awaiting_payment",
  "queued",
  "provisioning",
  "provision_failed",
  "suspending",
  "resuming",
  "archiving",
  "purging",
]
export const FINAL_STATES = ["purged", "rolled_back"]

/** The address of a tenant in the API. @param {string} id */
export const tenantPath = id => `/api/tenants/${encodeURIComponent(id)}`

/** @param {Operation} operation */
export const isUnfinished = ({ state }) => state === "queued" || state === "running"
