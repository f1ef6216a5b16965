// A stranger pays and their own login works in a real Tryton at their own address.

import { until } from "../support/until.mjs"
import { describeLife } from "./life.mjs"
import { PATIENCE } from "./place.mjs"
import { TrytonUser } from "./tryton.mjs"

describeLife({
  blueprint: "tryton",
  enter: TrytonUser.enter,
  introduction: customer => ({
    owner: "Inés Núñez",
    login: customer.email,
    language: "es",
    company: customer.company,
    email: customer.email,
    currency: "EUR",
    word: "Nombre",
  }),
  // A scheduled action that is due is carried out, also after all that has happened to this one.
  async alsoTrue(_pooled, { user }) {
    const action = await user.scheduleNow()
    await until("the scheduled action is carried out", () => user.wasRun(action), { every: 1000, patience: PATIENCE })
  },
})
