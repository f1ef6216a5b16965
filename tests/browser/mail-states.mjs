// Emails that bounced, and emails that were declined: what the API says is replaced, everything else is real.

/** @typedef {import("./support.mjs").Page} Page */

/** @param {Page} page @param {boolean} declined */
export async function showUnsubscribe(page, declined) {
  await page.route(
    url => url.pathname.startsWith("/api/unsubscribe/"),
    route =>
      route.fulfill({
        contentType: "application/json",
        body: JSON.stringify({ template: "place_again", declined }),
      }),
  )
}

/** @param {Page} page */
export async function showSuppressions(page) {
  const at = new Date().toISOString()
  const data = [
    {
      id: "sup_2",
      address: "somebody.with.a.long.name@subdomain.of.a.long.example.com",
      template: "",
      reason: "bounced",
      status_code: "5.1.1",
      detail: "550 5.1.1 no such user",
      mail_id: "mail_12",
      created_at: at,
    },
    {
      id: "sup_1",
      address: "ada@example.com",
      template: "place_again",
      reason: "declined",
      status_code: null,
      detail: null,
      mail_id: "mail_3",
      created_at: at,
    },
  ]
  await page.route(
    url => url.pathname === "/api/mail-suppressions",
    route =>
      route.fulfill({
        contentType: "application/json",
        body: JSON.stringify({ data, has_more: false, next_cursor: null }),
      }),
  )
}
