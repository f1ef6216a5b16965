// A file that was fetched becomes a file of the person's.

import { h } from "./dom.js"

/** Hands a file over to the browser. @param {Response} answer @param {string} otherwise its name, where the answer has none */
export async function saveFile(answer, otherwise) {
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "") ?? []
  const address = URL.createObjectURL(await answer.blob())
  h("a", { href: address, download: name ?? otherwise }).click()
  // The browser has taken it over by then; a minute is for those that ask first where to put it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}
