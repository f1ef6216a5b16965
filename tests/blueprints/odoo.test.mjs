// A stranger pays and their own login works in a real Odoo at their own address.

import assert from "node:assert/strict"
import { describeLife } from "./life.mjs"
import { OdooUser } from "./odoo.mjs"

describeLife({
  blueprint: "odoo",
  enter: OdooUser.enter,
  introduction: customer => ({
    owner: "Inés Núñez",
    login: customer.email,
    language: "es",
    company: customer.company,
    email: customer.email,
    country: "ES",
    currency: "EUR",
    word: "Nombre",
  }),
  async alsoTrue(pooled, cold) {
    const [one, other] = [await pooled.user.keys(), await cold.user.keys()]
    assert.notEqual(one.secret, other.secret, "one could sign sessions for the other")
    assert.notEqual(one.uuid, other.uuid)
    assert.match(one.address, new RegExp(`^http://${pooled.customer.subdomain}\\.`))
    assert.match(other.address, new RegExp(`^http://${cold.customer.subdomain}\\.`))
  },
})
