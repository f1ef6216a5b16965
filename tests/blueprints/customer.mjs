// A customer who reads Spanish and has patience.

import { Customer } from "../support/customer.mjs"
import { until } from "../support/until.mjs"
import { PATIENCE } from "./place.mjs"

export class SpanishCustomer extends Customer {
  form() {
    return { ...super.form(), name: "Inés Núñez", country: "ES", locale: "es" }
  }

  async untilLive() {
    return until(
      `${this.subdomain} is live`,
      async () => {
        const status = await this.status()
        return status.state === "live" && status
      },
      { every: 150, patience: PATIENCE },
    )
  }
}
