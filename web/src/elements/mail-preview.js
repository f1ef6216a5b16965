// How an email looks: its HTML in a frame in which nothing runs, loads or can be pressed, so that a one-time link stays
// unused. The policy of the pages knows no styles within markup; what the email says of its look is set by code.

import { h } from "../lib/dom.js"

/** @param {string} title @returns {{ frame: HTMLIFrameElement, show: (html: string) => void }} */
export function mailPreview(title) {
  const frame = h("iframe", { class: "mail-preview", title, sandbox: "allow-same-origin", inert: true, tabindex: "-1" })
  let shown = ""
  const draw = () => {
    const inside = frame.contentDocument
    if (!inside || !shown) return
    drawInto(inside, shown)
    fit(frame, inside)
  }
  // A frame that is moved within the page begins anew.
  frame.addEventListener("load", draw)
  new ResizeObserver(() => frame.contentDocument && fit(frame, frame.contentDocument)).observe(frame)
  return {
    frame,
    show: html => {
      shown = html
      draw()
    },
  }
}

/** @param {Document} inside @param {string} html a document of the server's own, whose values are escaped */
function drawInto(inside, html) {
  const sheet = html.match(/<style>([\s\S]*?)<\/style>/)?.[1] ?? ""
  const markup = html.replace(/<style>[\s\S]*?<\/style>/, "").replaceAll(' style="', ' data-style="')
  const read = new DOMParser().parseFromString(markup, "text/html")
  inside.documentElement.lang = read.documentElement.lang
  inside.title = read.title
  inside.body.className = read.body.className
  inside.body.dataset.style = read.body.dataset.style
  inside.body.replaceChildren(...read.body.childNodes)
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (inside.querySelectorAll("[data-style]")))
    element.style.cssText = element.dataset.style ?? ""
  const window = /** @type {Window & typeof globalThis} */ (inside.defaultView)
  const rules = new window.CSSStyleSheet()
  rules.replaceSync(sheet)
  inside.adoptedStyleSheets = [rules]
}

/** @param {HTMLIFrameElement} frame @param {Document} inside */
function fit(frame, inside) {
  // The body is as high as the frame where it was higher before.
  const height = inside.body.firstElementChild?.scrollHeight ?? 0
  if (height > 0) frame.style.blockSize = `${height}px`
}
