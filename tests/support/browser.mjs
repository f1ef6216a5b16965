// One browser for all tests of a file: people who are nobody to the server, and staff who share one session.

import { after, before } from "node:test"
import { openBrowser, openContext, signIn } from "../browser/support.mjs"

/** @typedef {import("../browser/support.mjs").Browser} Browser */
/** @typedef {Omit<Parameters<typeof openContext>[1], "storageState">} Visitor */

/** Opened before the first test of the file, closed after the last. */
export function useBrowser() {
  /** @type {Browser | undefined} */
  let opened
  /** @type {ReturnType<typeof signIn> | undefined} */
  let session
  const browser = () => {
    if (!opened) throw new Error("the browser is opened before the first test, not when the file is read")
    return opened
  }
  before(async () => {
    opened = await openBrowser()
  })
  after(() => opened?.close())
  return {
    browser,
    /** @param {Visitor} visitor */
    asVisitor: visitor => openContext(browser(), visitor),
    /** @param {Visitor} visitor */
    async asStaff(visitor) {
      session ??= signIn(browser())
      return openContext(browser(), { ...visitor, storageState: await session })
    },
  }
}
