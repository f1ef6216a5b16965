// Every page the server can show: its template is pages/<name>.html, its code src/pages/<script>.js.
// The layout decides what stands around it; `section` is the entry of the rail that is marked as current,
// `entry` the one of the settings' own navigation.

/**
 * @typedef {{ name: string, layout: "public" | "console" | "plain" | "standalone", title: string,
 *             script?: string, section?: string, entry?: string, styles?: string[], description?: string, filledByServer?: boolean, drawsMain?: boolean }} Page
 */

/** @type {Page[]} */
export const PAGES = [
  { name: "landing", layout: "public", script: "landing", title: "landing.title", description: "landing.description" },
  { name: "setup", layout: "public", script: "setup", title: "setup.title" },
  { name: "login", layout: "plain", script: "login", title: "login.title" },
  { name: "dashboard", layout: "console", script: "dashboard", title: "dashboard.title", section: "dashboard" },
  { name: "tenants", layout: "console", script: "tenants", title: "tenants.title", section: "tenants" },
  { name: "tenant", layout: "console", script: "tenant", title: "tenant.title", section: "tenants" },
  { name: "mails", layout: "console", script: "mails", title: "mails.title", section: "mails" },
  { name: "mail", layout: "console", script: "mail", title: "mail.title", section: "mails" },
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
  { name: "docs", layout: "public", script: "docs", title: "docs.title", styles: ["docs"], drawsMain: true },
  { name: "not_found", layout: "plain", script: "plain", title: "not_found.title" },
  { name: "error", layout: "plain", script: "plain", title: "error.title", filledByServer: true },
  { name: "tenant_unknown", layout: "standalone", title: "tenant_unknown.title" },
  { name: "tenant_suspended", layout: "standalone", title: "tenant_suspended.title" },
  { name: "tenant_maintenance", layout: "standalone", title: "tenant_maintenance.title" },
  { name: "tenant_starting", layout: "standalone", title: "tenant_starting.title" },
]
