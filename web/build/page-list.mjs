// Every page the server can show: its template is pages/<name>.html, its code src/pages/<script>.js.
// The layout decides what stands around it; `section` is the entry of the rail that is marked as current,
// `entry` the one of the settings' own navigation. Without the permission `needs` a console page only says who gives it.

/**
 * @typedef {{ name: string, layout: "public" | "console" | "plain" | "standalone", title: string, needs?: string,
 *             script?: string, section?: string, entry?: string, styles?: string[], description?: string, filledByServer?: boolean, drawsMain?: boolean }} Page
 */

/** @type {Page[]} */
export const PAGES = [
  { name: "landing", layout: "public", script: "landing", title: "landing.title", description: "landing.description" },
  { name: "setup", layout: "public", script: "setup", title: "setup.title" },
  { name: "login", layout: "plain", script: "login", title: "login.title" },
  { name: "invitation", layout: "plain", script: "invitation", title: "invitation.title" },
  {
    name: "dashboard",
    layout: "console",
    script: "dashboard",
    title: "dashboard.title",
    section: "dashboard",
    needs: "dashboard:read",
  },
  {
    name: "tenants",
    layout: "console",
    script: "tenants",
    title: "tenants.title",
    section: "tenants",
    needs: "tenants:read",
  },
  {
    name: "tenant",
    layout: "console",
    script: "tenant",
    title: "tenant.title",
    section: "tenants",
    needs: "tenants:read",
  },
  {
    name: "settings_profile",
    layout: "console",
    script: "settings_profile",
    title: "profile.title",
    section: "settings",
    entry: "profile",
  },
  {
    name: "settings_sessions",
    layout: "console",
    script: "settings_sessions",
    title: "sessions.title",
    section: "settings",
    entry: "sessions",
  },
  {
    name: "settings_team",
    layout: "console",
    script: "settings_team",
    title: "team.title",
    section: "settings",
    entry: "team",
    needs: "team:read",
  },
  {
    name: "settings_roles",
    layout: "console",
    script: "settings_roles",
    title: "roles.title",
    section: "settings",
    entry: "roles",
    needs: "roles:read",
  },
  {
    name: "settings_api_keys",
    layout: "console",
    script: "settings_api_keys",
    title: "api_keys.title",
    section: "settings",
    entry: "api_keys",
    needs: "api_keys:read",
  },
  { name: "docs", layout: "public", script: "docs", title: "docs.title", styles: ["docs"], drawsMain: true },
  { name: "not_found", layout: "plain", script: "plain", title: "not_found.title" },
  { name: "error", layout: "plain", script: "plain", title: "error.title", filledByServer: true },
  { name: "tenant_unknown", layout: "standalone", title: "tenant_unknown.title" },
  { name: "tenant_suspended", layout: "standalone", title: "tenant_suspended.title" },
  { name: "tenant_maintenance", layout: "standalone", title: "tenant_maintenance.title" },
  { name: "tenant_starting", layout: "standalone", title: "tenant_starting.title" },
]
