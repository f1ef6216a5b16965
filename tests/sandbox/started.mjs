// A sandbox with a receiver of its webhooks, for as long as the tests of a file run.
import { after, before } from "node:test"
import { startReceiver, startSandbox } from "./support.mjs"

export let sandbox, stripe, receiver

before(async () => {
  receiver = await startReceiver()
  sandbox = await startSandbox({ webhookUrl: receiver.url })
  stripe = sandbox.stripe
})
after(async () => {
  await sandbox.stop()
  await receiver.stop()
})
