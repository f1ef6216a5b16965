// The pages: everything that knows which pages there are reads this list. The server takes its routes from it, the
// console its rail, tabs and breadcrumbs, the gate what it looks at.
//
// A page's template is pages/<name>.html, its code src/pages/<script>.js; `script` is its name unless told. Without the
// permission `scope` a console page only says who gives it. `rail` shows it in that group of the rail, below a `parent`
// that leads on (`leadsTo`) it is a tab, below any other a step of the breadcrumb. `label` is what navigation calls it,
// its title unless told; pinned views of its `list` stand below it in the rail. Whether a page is shown there is one thing; whether it can be found by its name is another:
// `findable` says so where the usual answer (a console page whose address is whole) is wrong.

/**
 * @typedef {"operate" | "money" | "build" | "system"} RailGroup
 * @typedef {{ name: string, title: string, path?: string, layout?: "public" | "console" | "plain" | "standalone",
 *             script?: string | null, scope?: string, rail?: RailGroup, icon?: string, parent?: string, leadsTo?: string,
 *             label?: string, list?: string, findable?: boolean, styles?: string[], description?: string, drawsMain?: boolean }} Page
 */

/** @type {RailGroup[]} */
export const RAIL = ["operate", "money", "build", "system"]

/** @param {string} name @param {string} path @param {string} title @param {Partial<Page>} more @returns {Page} */
const consolePage = (name, path, title, more) => ({ name, path: `/admin${path}`, layout: "console", title, ...more })
/** @param {string} name @param {string} title @returns {Page} */
const standalone = (name, title) => ({ name, layout: "standalone", script: null, title })

/** @type {Page[]} */
export const PAGES = [
  { name: "landing", path: "/", layout: "public", title: "landing.title", description: "landing.description" },
  { name: "setup", path: "/setup/{token}", layout: "public", title: "setup.title" },
  { name: "login", path: "/login", layout: "plain", title: "login.title" },
  { name: "access", path: "/access/{token}", layout: "plain", title: "access.title" },
  { name: "pay", path: "/pay/{subdomain}", layout: "plain", title: "pay.title" },
  { name: "portal", path: "/portal", layout: "public", title: "portal.title" },
  { name: "portal_link", path: "/portal/{token}", layout: "plain", title: "portal_link.title" },
  { name: "invitation", path: "/invitation/{token}", layout: "plain", title: "invitation.title" },
  { name: "unsubscribe", path: "/unsubscribe/{token}", layout: "plain", title: "unsubscribe.title" },
  consolePage("dashboard", "", "dashboard.title", {
    scope: "dashboard:read",
    rail: "operate",
    icon: "mdiViewDashboardOutline",
  }),
  consolePage("tenants", "/tenants", "tenants.title", {
    scope: "tenants:read",
    rail: "operate",
    icon: "mdiDomain",
    list: "tenants",
  }),
  consolePage("tenant", "/tenants/{id}", "tenant.title", { scope: "tenants:read", parent: "tenants" }),
  consolePage("tenant_config", "/tenants/{id}/config", "config.title", {
    scope: "tenants:read",
    parent: "tenant",
    label: "tenant.config",
  }),
  consolePage("tenant_findings", "/tenants/findings", "findings.title", {
    scope: "tenants:read",
    parent: "tenants",
    list: "world_findings",
  }),
  consolePage("jobs", "/jobs", "jobs.title", {
    scope: "jobs:read",
    rail: "operate",
    icon: "mdiProgressClock",
    list: "jobs",
  }),
  // Its first tab has its address.
  {
    name: "billing",
    layout: "console",
    title: "billing.title",
    leadsTo: "billing_invoices",
    rail: "money",
    icon: "mdiCreditCardOutline",
  },
  consolePage("billing_invoices", "/billing", "billing_invoices.title", {
    scope: "billing:read",
    parent: "billing",
    list: "billing_invoices",
  }),
  consolePage("invoice", "/billing/invoices/{id}", "invoice.title", {
    scope: "billing:read",
    parent: "billing_invoices",
  }),
  consolePage("billing_failures", "/billing/failures", "payment_failures.title", {
    scope: "billing:read",
    parent: "billing",
    list: "payment_failures",
  }),
  consolePage("billing_refunds", "/billing/refunds", "refunds.title", {
    scope: "billing:read",
    parent: "billing",
    list: "refunds",
  }),
  consolePage("billing_promotions", "/billing/promotions", "promotions.title", {
    scope: "billing:read",
    parent: "billing",
  }),
  consolePage("billing_credit_notes", "/billing/credit-notes", "credit_notes.title", {
    scope: "billing:read",
    parent: "billing",
    list: "credit_notes",
  }),
  consolePage("billing_methods", "/billing/methods", "payment_methods.title", {
    scope: "billing:read",
    parent: "billing",
    list: "payment_methods",
  }),
  consolePage("billing_disputes", "/billing/disputes", "disputes.title", {
    scope: "billing:read",
    parent: "billing",
    list: "disputes",
  }),
  consolePage("dispute", "/billing/disputes/{id}", "dispute.title", {
    scope: "billing:read",
    parent: "billing_disputes",
  }),
  consolePage("billing_findings", "/billing/findings", "billing_findings.title", {
    scope: "billing:read",
    parent: "billing",
    list: "billing_findings",
  }),
  consolePage("billing_late_payments", "/billing/late-payments", "late_payments.title", {
    scope: "billing:read",
    parent: "billing",
    list: "late_payments",
  }),
  consolePage("billing_events", "/billing/events", "billing_events.title", {
    scope: "billing:read",
    parent: "billing",
    list: "billing_events",
  }),
  consolePage("billing_differences", "/billing/differences", "billing_differences.title", {
    scope: "billing:read",
    parent: "billing",
    list: "billing_differences",
  }),
  consolePage("invariants", "/invariants", "invariants.title", {
    scope: "billing:read",
    parent: "billing",
  }),
  {
    name: "docs",
    path: "/docs",
    layout: "public",
    title: "docs.title",
    label: "nav.docs",
    rail: "build",
    icon: "mdiApi",
    findable: true,
    styles: ["docs"],
    drawsMain: true,
  },
  consolePage("mails", "/mails", "mails.title", {
    scope: "mails:read",
    rail: "system",
    icon: "mdiEmailOutline",
    list: "mails",
  }),
  consolePage("mail", "/mails/{id}", "mail.title", { scope: "mails:read", parent: "mails" }),
  consolePage("mail_suppressions", "/mails/suppressions", "mail_suppressions.title", {
    scope: "mails:read",
    parent: "mails",
    list: "mail_suppressions",
  }),
  consolePage("settings", "/settings", "settings.title", {
    leadsTo: "settings_profile",
    rail: "system",
    icon: "mdiCogOutline",
  }),
  ...[
    settingsPage("profile", "profile.title"),
    settingsPage("sessions", "sessions.title"),
    settingsPage("team", "team.title", "team:read", { list: "team" }),
    settingsPage("roles", "roles.title", "roles:read"),
    settingsPage("api_keys", "api_keys.title", "api_keys:read", { list: "api_keys" }),
    settingsPage("audit", "audit.title", "audit:read", { list: "audit" }),
    settingsPage("security", "security.title", "security:read", { list: "security_events" }),
    settingsPage("organisation", "organisation.title", "settings:read", { script: "settings_group" }),
    settingsPage("branding", "branding.title", "settings:read", { script: "settings_group" }),
    settingsPage("working_hours", "working_hours.title", "settings:read", { script: "settings_group" }),
    settingsPage("plans", "plans_page.title", "settings:read"),
    settingsPage("dunning", "dunning.title", "settings:read", { script: "settings_group" }),
    settingsPage("win_back", "win_back.title", "settings:read", { script: "settings_group" }),
    settingsPage("payments", "payments.title", "settings:read", { script: "settings_group" }),
    settingsPage("mails", "mail_texts.title", "settings:read"),
    consolePage("settings_mail", "/settings/mails/{template}", "mail_text.title", {
      scope: "settings:read",
      parent: "settings_mails",
    }),
    settingsPage("retention", "retention_page.title", "settings:read"),
  ],
  { name: "not_found", layout: "plain", script: "plain", title: "not_found.title" },
  { name: "error", layout: "plain", script: "plain", title: "error.title" },
  standalone("tenant_unknown", "tenant_unknown.title"),
  standalone("tenant_suspended", "tenant_suspended.title"),
  standalone("tenant_maintenance", "tenant_maintenance.title"),
  standalone("tenant_starting", "tenant_starting.title"),
]

/** @param {string} name @param {string} title @param {string} [scope] @param {Partial<Page>} [more] */
function settingsPage(name, title, scope, more) {
  return consolePage(`settings_${name}`, `/settings/${name.replace("_", "-")}`, title, {
    parent: "settings",
    label: `settings.${name}`,
    scope,
    ...more,
  })
}

/** @param {string | undefined} name */
export const pageNamed = name => PAGES.find(page => page.name === name)

/** The name of its bundle, if it has code. @param {Page} page */
export const scriptOf = ({ name, script, leadsTo }) => (leadsTo || script === null ? undefined : (script ?? name))

/** Whether it has places that the server fills in each time: pages for visitors show what staff have chosen. @param {Page} page */
export const isFilled = ({ layout }) => layout === "public" || layout === "plain"

/** Whether its name leads to it from anywhere. @param {Page} page */
export const isFindable = ({ path, layout, leadsTo, findable }) =>
  findable ?? (layout === "console" && !leadsTo && !path?.includes("{"))

/** What the server needs of a page. @param {Page} page */
export const routeOf = page => ({
  name: page.name,
  path: page.path,
  staff: page.layout === "console",
  leadsTo: pageNamed(page.leadsTo)?.path,
  list: page.list,
  scope: page.scope,
  findable: isFindable(page),
})
