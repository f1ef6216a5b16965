// One browser for all tests of a file: people who are nobody to the server, and staff who share one session.

import { after } from "node:test"
import { openBrowser, openContext, signIn } from "../browser/support.mjs"

/** @typedef {Omit<Parameters<typeof openContext>[1], "storageState">} Visitor */

/** Opened when it is first needed, closed after the last test. */
export function useBrowser() {
  /** @type {ReturnType<typeof openBrowser> | undefined} */
  let opened
  /** @type {ReturnType<typeof signIn> | undefined} */
  let session
  const browser = () => {
    opened ??= openBrowser()
    return opened
  }
  after(async () => (await opened)?.close())
  return {
    browser,
    /** @param {Visitor} visitor */
    asVisitor: async visitor => openContext(await browser(), visitor),
    /** @param {Visitor} visitor */
    async asStaff(visitor) {
      session ??= browser().then(signIn)
      return openContext(await browser(), { ...visitor, storageState: await session })
    },
  }
}
