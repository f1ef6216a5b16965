// A year of a small business: sixty customers who sign up on twelve days, and what becomes of them.
// Days count from the beginning; nothing here is left to chance.

import assert from "node:assert/strict"
import { Customer, logIn } from "../support/customer.mjs"
import { DAY } from "../support/sandbox_clock.mjs"
import { helper } from "../support/stripe.mjs"

/** @typedef {import("../support/server.mjs").Server} Server */
/** @typedef {import("../support/sandbox_clock.mjs").SandboxClock} SandboxClock */

const SIGN_UP_DAYS = [0, 2, 5, 9, 14, 20, 27, 35, 50, 62, 75, 95]
const EACH_DAY = 5
const PLANS = ["starter", "team", "business"]

/** Monthly prices as they are for sale. @type {Record<string, Record<string, number>>} */
const MONTHLY = {
  eur: { starter: 1900, team: 4900, business: 14900 },
  usd: { starter: 2100, team: 5400, business: 16400 },
}

export class Business {
  /** Sixty people, each with ids at Stripe once they are customers. @type {any[]} */
  people = []
  /** What earlier chapters leave for later ones. @type {Record<string, any>} */
  kept = {}

  /**
   * @param {Server} server @param {SandboxClock} clock
   * @param {{ days: number[], ask: () => Promise<any> }} books who asks for them, and when
   */
  constructor(server, clock, books) {
    this.books = books
    this.server = server
    this.clock = clock
    this.stripe = clock.stripe
  }

  /** Five more sign up, pay and get their tenants. @param {number} batch */
  async signUp(batch) {
    const newcomers = Array.from({ length: EACH_DAY }, (_, i) => {
      const n = batch * EACH_DAY + i
      return new Customer(this.server, {
        subdomain: `shop-${String(n).padStart(2, "0")}`,
        plan: PLANS[n % 3],
        interval: n % 6 === 5 ? "year" : "month",
        currency: n % 4 === 3 ? "usd" : "eur",
      })
    })
    for (const newcomer of newcomers) {
      await newcomer.signUp()
      await newcomer.pay()
    }
    await this.clock.drain()
    for (const newcomer of newcomers) {
      const { state } = await newcomer.status()
      assert.equal(state, "live", `${newcomer.subdomain} is ${state}`)
      const [ids] = await this.clock.sql.rows(
        `SELECT stripe_customer_id AS customer, stripe_subscription_id AS subscription
           FROM tenants JOIN customers ON customers.id = tenants.customer_id
           JOIN subscriptions ON subscriptions.tenant_id = tenants.id WHERE subdomain = '${newcomer.subdomain}'`,
      )
      this.people.push({ ...ids, currency: newcomer.currency, subdomain: newcomer.subdomain, since: this.clock.now })
    }
  }

  /** The day of somebody's nth renewal by the month. @param {number} n @param {number} times */
  renewal(n, times) {
    const start = new Date((this.clock.start + SIGN_UP_DAYS[Math.floor(n / EACH_DAY)] * DAY) * 1000)
    const last = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + times + 1, 0)).getUTCDate()
    const day = Math.min(start.getUTCDate(), last)
    const renewed = Date.UTC(
      start.getUTCFullYear(),
      start.getUTCMonth() + times,
      day,
      start.getUTCHours(),
      start.getUTCMinutes(),
      start.getUTCSeconds(),
    )
    return (renewed / 1000 - this.clock.start) / DAY
  }

  /** @param {number} n */
  subscription(n) {
    return this.stripe.subscriptions.retrieve(this.people[n].subscription)
  }

  /** @param {number} n @param {object} change */
  async change(n, change) {
    return this.stripe.subscriptions.update(this.people[n].subscription, change)
  }

  /** Another price or number for the only item. @param {number} n @param {object} item @param {object} [more] */
  async changeItem(n, item, more = {}) {
    const { items } = await this.subscription(n)
    return this.change(n, { items: [{ id: items.data[0].id, ...item }], ...more })
  }

  /** A price that is for sale. @param {string} plan @param {string} currency @param {string} [interval] */
  async price(plan, currency, interval = "month") {
    const amount = MONTHLY[currency][plan] * (interval === "year" ? 10 : 1)
    const { data } = await this.stripe.prices.list({ limit: 100, currency, active: true })
    const found = data.find(
      (/** @type {any} */ one) => one.unit_amount === amount && one.recurring?.interval === interval,
    )
    if (found) return found.id
    const product = await this.stripe.products.create({ name: `${plan}, ${currency}` })
    return (
      await this.stripe.prices.create({ product: product.id, unit_amount: amount, currency, recurring: { interval } })
    ).id
  }

  /** How charges of somebody's card end from now on; without a code they succeed. @param {number} n @param {string} [code] */
  async decline(n, code) {
    const { default_payment_method: method } = await this.subscription(n)
    await helper(this.stripe, `payment_methods/${method}/decline`, code ? { decline_code: code } : {})
  }

  /** @param {number} n */
  async latestInvoice(n) {
    const { latest_invoice: id } = await this.subscription(n)
    return this.stripe.invoices.retrieve(id, { expand: ["payments"] })
  }

  /** The newest charge of somebody that went through. @param {number} n */
  async charge(n) {
    const { data } = await this.stripe.charges.list({ customer: this.people[n].customer, limit: 100 })
    return data.find(
      (/** @type {any} */ one) => one.status === "succeeded" && !one.disputed && one.amount_refunded === 0,
    )
  }

  /** @param {number} n @param {object} terms of the coupon */
  async discount(n, ...terms) {
    const coupons = []
    for (const one of terms) coupons.push(await this.stripe.coupons.create(one))
    await this.change(n, { discounts: coupons.map(({ id }) => ({ coupon: id })) })
  }

  /** One more subscription of somebody, with the card of the first. @param {number} n @param {object} more */
  async subscribe(n, more) {
    const { data } = await this.stripe.customers.listPaymentMethods(this.people[n].customer)
    return this.stripe.subscriptions.create({
      customer: this.people[n].customer,
      default_payment_method: data[0].id,
      ...more,
    })
  }

  /** What staff do in the console. @param {number} n @param {string} method @param {(tenant: any, preview: (plan: string) => Promise<any>) => { path?: string, body?: object } | Promise<{ body: object }>} ask */
  async asStaff(n, method, ask) {
    const { writing, headers } = await logIn(this.server)
    const { body: list } = await this.server.get(`/api/tenants?q=${this.people[n].subdomain}`, { headers })
    const found = await this.server.get(`/api/tenants/${list.data[0].id}`, { headers })
    const preview = async (/** @type {string} */ plan) =>
      (await this.server.get(`/api/tenants/${list.data[0].id}/plan-change?plan=${plan}`, { headers })).body
    const { path = "", body } = await ask(found.body, preview)
    const answer = await this.server.get(`/api/tenants/${list.data[0].id}${path}`, {
      method,
      body,
      headers: { ...writing, "if-match": found.headers.etag ?? `"${found.body.version}"` },
    })
    assert.ok(answer.status < 300, `${method}: ${answer.status} ${answer.text}`)
  }

  /** @param {object} webhooks */
  switchWebhooks(webhooks) {
    return helper(this.stripe, "switches", { webhooks })
  }

  /**
   * What happens when; in order of days.
   * @returns {{ day: number, what: string, run: () => Promise<any> }[]}
   */
  story() {
    const { stripe } = this
    /** @type {{ day: number, what: string, run: () => Promise<any> }[]} */
    const story = []
    const on = (/** @type {number} */ day, /** @type {string} */ what, /** @type {() => Promise<any>} */ run) =>
      story.push({ day, what, run })
    const renewal = this.renewal.bind(this)
    /** Somebody's renewal fails, and something is done about it. */
    const failed = (
      /** @type {number} */ n,
      /** @type {number} */ times,
      /** @type {string} */ what,
      /** @type {() => Promise<any>} */ run,
    ) => {
      on(renewal(n, times) - 1, `${n}: the bank is about to decline`, () => this.decline(n, "insufficient_funds"))
      on(renewal(n, times) + 0.5, `${n}: ${what}`, run)
    }

    SIGN_UP_DAYS.forEach((day, batch) => on(day, `five sign up (${batch})`, () => this.signUp(batch)))

    // Plans, numbers and periods.
    const toPlan =
      (/** @type {string} */ plan) =>
      async (/** @type {any} */ _, /** @type {(plan: string) => Promise<any>} */ preview) => ({
        body: { plan, amount: (await preview(plan)).amount },
      })
    on(40, "0: staff change the plan", () => this.asStaff(0, "PATCH", toPlan("team")))
    on(200, "0: staff change the plan again", () => this.asStaff(0, "PATCH", toPlan("business")))
    on(45, "1: a dearer plan, paid at once", async () =>
      this.changeItem(1, { price: await this.price("business", "eur") }, { proration_behavior: "always_invoice" }),
    )
    on(60, "2: a cheaper plan", async () => this.changeItem(2, { price: await this.price("starter", "eur") }))
    on(renewal(44, 1) + 10, "44: five seats", () => this.changeItem(44, { quantity: 5 }))
    on(renewal(44, 2) + 10, "44: three seats", () => this.changeItem(44, { quantity: 3 }))
    on(renewal(49, 1) + 5, "49: by the year from now on", async () =>
      this.changeItem(49, { price: await this.price("team", "eur", "year") }),
    )

    // Coupons.
    on(30, "3: a fifth off, once", () => this.discount(3, { percent_off: 20, duration: "once" }))
    on(33, "4: ten euros off for ever", () =>
      this.discount(4, { amount_off: 1000, currency: "eur", duration: "forever" }),
    )
    on(36, "6: half off, and then ten euros", () =>
      this.discount(
        6,
        { percent_off: 50, duration: "forever" },
        { amount_off: 200, currency: "eur", duration: "forever" },
      ),
    )
    on(50, "5: half off for three months of a year", () =>
      this.discount(5, { percent_off: 50, duration: "repeating", duration_in_months: 3 }),
    )
    on(55, "8: a quarter off", () => this.discount(8, { percent_off: 25, duration: "forever" }))
    on(150, "8: no discount any more", () => stripe.subscriptions.deleteDiscount(this.people[8].subscription))
    on(90, "51: a discount of the customer's own", async () => {
      const coupon = await stripe.coupons.create({ percent_off: 10, duration: "repeating", duration_in_months: 4 })
      await helper(stripe, `customers/${this.people[51].customer}/discount`, { coupon: coupon.id })
    })

    // Declines and what comes of them.
    failed(7, 1, "nothing yet", async () => {})
    on(renewal(7, 1) + 2, "7: the card works again", () => this.decline(7))
    failed(9, 2, "nothing, until the last attempt", async () => {})
    on(renewal(9, 2) + 50, "9: back with another card", async () => {
      const card = await stripe.paymentMethods.attach("pm_card_mastercard", { customer: this.people[9].customer })
      const again = await stripe.subscriptions.create({
        customer: this.people[9].customer,
        items: [{ price: await this.price("starter", "eur") }],
        default_payment_method: card.id,
      })
      this.people[9].subscription = again.id
    })
    on(70, "10: another card", async () => {
      const card = await stripe.paymentMethods.attach("pm_card_mastercard", { customer: this.people[10].customer })
      await this.change(10, { default_payment_method: card.id })
    })
    failed(15, 2, "a credit note before it is paid", async () => {
      const invoice = await this.latestInvoice(15)
      await stripe.creditNotes.create({ invoice: invoice.id, amount: 500 })
    })
    on(renewal(15, 2) + 2, "15: the card works again", () => this.decline(15))
    failed(25, 2, "the invoice is void", async () => {
      const invoice = await this.latestInvoice(25)
      await stripe.invoices.voidInvoice(invoice.id)
      await this.decline(25)
    })
    failed(26, 2, "given up as uncollectible", async () => {
      this.kept.uncollectible = (await this.latestInvoice(26)).id
      await stripe.invoices.markUncollectible(this.kept.uncollectible)
      await this.decline(26)
    })
    on(renewal(26, 2) + 40, "26: paid after all", () => stripe.invoices.pay(this.kept.uncollectible))
    failed(28, 2, "paid out of band", async () => {
      await stripe.invoices.pay((await this.latestInvoice(28)).id, { paid_out_of_band: true })
      await this.decline(28)
    })

    // Money that goes back.
    on(75, "12: a part refunded", async () =>
      stripe.refunds.create({ charge: (await this.charge(12)).id, amount: 500 }),
    )
    on(80, "13: all refunded", async () => stripe.refunds.create({ charge: (await this.charge(13)).id }))
    on(82, "14: a refund that fails", async () => {
      this.kept.refund = (await stripe.refunds.create({ charge: (await this.charge(14)).id, amount: 1500 })).id
    })
    on(84, "14: it has failed", () => helper(stripe, `refunds/${this.kept.refund}/fail`))
    on(renewal(16, 2) + 2, "16: a credit note with a refund", async () =>
      stripe.creditNotes.create({ invoice: (await this.latestInvoice(16)).id, amount: 1000, refund_amount: 1000 }),
    )
    on(renewal(18, 2) + 2, "18: a credit note for the balance", async () =>
      stripe.creditNotes.create({ invoice: (await this.latestInvoice(18)).id, amount: 700, credit_amount: 700 }),
    )
    on(renewal(19, 2) + 2, "19: a credit note out of band", async () =>
      stripe.creditNotes.create({ invoice: (await this.latestInvoice(19)).id, amount: 600, out_of_band_amount: 600 }),
    )
    for (const [n, amount, evidence] of /** @type {[number, number, string][]} */ ([
      [20, 2000, "losing_evidence"],
      [21, 900, "winning_evidence"],
    ])) {
      on(renewal(n, 1) + 3, `${n}: a part is disputed`, async () => {
        const { id } = await this.charge(n)
        this.kept[n] = (await helper(stripe, `charges/${id}/dispute`, { amount, reason: "general" })).id
      })
      on(renewal(n, 1) + 15, `${n}: the dispute is decided`, () =>
        stripe.disputes.update(this.kept[n], { evidence: { uncategorized_text: evidence }, submit: true }),
      )
    }

    // Taxes.
    for (const [n, inclusive] of /** @type {[number, boolean][]} */ ([
      [22, false],
      [24, true],
    ]))
      on(renewal(n, 1) - 5, `${n}: taxed, ${inclusive ? "inclusive" : "exclusive"}`, async () => {
        const rate = await stripe.taxRates.create({ display_name: "IVA", percentage: 21, inclusive })
        await this.change(n, { default_tax_rates: [rate.id] })
      })

    // Pauses and ends.
    for (const [n, behavior] of /** @type {[number, string][]} */ ([
      [30, "void"],
      [31, "mark_uncollectible"],
    ])) {
      on(renewal(n, 1) - 3, `${n}: collection is paused`, () => this.change(n, { pause_collection: { behavior } }))
      on(renewal(n, 3) - 3, `${n}: collection goes on`, () => this.change(n, { pause_collection: "" }))
    }
    on(renewal(32, 2) - 10, "32: to end with the period", () => this.change(32, { cancel_at_period_end: true }))
    on(renewal(32, 2) - 5, "32: stays after all", () => this.change(32, { cancel_at_period_end: false }))
    on(renewal(33, 2) - 10, "33: to end with the period", () => this.change(33, { cancel_at_period_end: true }))
    on(renewal(34, 1) + 12, "34: ends at once, unused time is credited", () =>
      stripe.subscriptions.cancel(this.people[34].subscription, { prorate: true, invoice_now: true }),
    )
    on(renewal(36, 1) - 4, "36: to end with the period", () => this.change(36, { cancel_at_period_end: true }))
    on(renewal(36, 3) + 4, "36: comes back", async () => {
      const again = await this.subscribe(36, { items: [{ price: await this.price("team", "eur") }] })
      this.people[36].subscription = again.id
    })
    on(180, "37: staff delete the tenant, unused time goes back", () =>
      this.asStaff(37, "DELETE", ({ subdomain }) => ({
        path: `?action=delete&ends=now&refund=unused&confirm=${subdomain}`,
      })),
    )

    // More than one subscription, other currencies, trials, things sold once.
    on(150, "38: one more, in dollars", async () =>
      this.subscribe(38, { items: [{ price: await this.price("starter", "usd") }] }),
    )
    on(155, "40: one more, in yen", async () => {
      const product = await stripe.products.create({ name: "Tokyo" })
      const price = await stripe.prices.create({
        product: product.id,
        unit_amount: 1500,
        currency: "jpy",
        recurring: { interval: "month" },
      })
      await this.subscribe(40, { items: [{ price: price.id, quantity: 2 }] })
    })
    on(110, "42: a trial", async () =>
      this.subscribe(42, { items: [{ price: await this.price("team", "eur") }], trial_period_days: 14 }),
    )
    on(112, "43: a trial", async () => {
      this.kept.trial = (
        await this.subscribe(43, { items: [{ price: await this.price("team", "usd") }], trial_period_days: 14 })
      ).id
    })
    on(120, "43: which ends before it is paid for", () => stripe.subscriptions.cancel(this.kept.trial))
    on(130, "45: something sold once, with the next invoice", () =>
      stripe.invoiceItems.create({
        customer: this.people[45].customer,
        amount: 2500,
        currency: "eur",
        description: "Training",
      }),
    )
    on(140, "46: an invoice of its own", async () => {
      const { customer } = this.people[46]
      await stripe.invoiceItems.create({ customer, amount: 9900, currency: "eur", description: "Set-up" })
      const invoice = await stripe.invoices.create({
        customer,
        currency: "eur",
        collection_method: "send_invoice",
        days_until_due: 14,
        pending_invoice_items_behavior: "include",
      })
      this.kept.own = (await stripe.invoices.finalizeInvoice(invoice.id)).id
    })
    on(170, "46: paid by transfer", () => stripe.invoices.pay(this.kept.own, { paid_out_of_band: true }))
    on(340, "48: an invoice that nobody pays", async () => {
      const { customer } = this.people[48]
      await stripe.invoiceItems.create({ customer, amount: 4200, currency: "eur", description: "Advice" })
      const invoice = await stripe.invoices.create({
        customer,
        currency: "eur",
        collection_method: "send_invoice",
        days_until_due: 60,
        pending_invoice_items_behavior: "include",
      })
      await stripe.invoices.finalizeInvoice(invoice.id)
    })

    // Three days without a webhook; a month in which they come twice and in any order.
    on(210, "webhooks are off", async () => {
      await this.switchWebhooks({ off_until: (await this.clock.productNow()) + 3 * DAY })
      this.clock.isDeaf = true
    })
    on(213.1, "webhooks are back", () => {
      this.clock.isDeaf = false
      return this.clock.drain()
    })
    // Nobody waits for those that are late: the time goes on, and they come after others.
    on(230, "webhooks are shuffled and doubled", () => {
      this.clock.isDeaf = true
      return this.switchWebhooks({ shuffled: true, doubled: true })
    })
    on(260, "webhooks are as before", async () => {
      await this.switchWebhooks({ shuffled: false, doubled: false })
      this.clock.isDeaf = false
      await this.clock.drain()
    })

    this.kept.books = []
    for (const day of this.books.days)
      on(day, "somebody asks for the books", async () => this.kept.books.push(await this.books.ask()))

    return story.sort((one, other) => one.day - other.day)
  }
}
