// A chart as a file: PNG as it looks at the moment, with all that the page says around it; CSV as it was counted.

import { svg } from "../dom.js"
import { patterns } from "./marks.js"
import { contextOf, csvOf, summaryOf, titleOf } from "./series.js"

/** @typedef {import("./series.js").Series} Series */

const COPIED = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "opacity",
  "font-size",
  "font-family",
]
const SHARPNESS = 2
const TITLE = 28
const MARGIN = 8
const LINE = 22
const KEY = 24
const GAP = 18

/** @param {Series} series */
const fileName = ({ definition, range }) => [definition, range?.from, range?.to].filter(Boolean).join("_")

/** @param {Series} series */
export function downloadCsv(series) {
  // Spreadsheets take a file for UTF-8 when it begins with this mark.
  save(new Blob(["\ufeff", csvOf(series)], { type: "text/csv;charset=utf-8" }), `${fileName(series)}.csv`)
}

/** @param {SVGSVGElement} drawing as it stands on the page @param {Series} series @param {HTMLElement} legend as it stands there, too */
export async function downloadPng(drawing, series, legend) {
  save(await pngOf(drawing, series, legend), `${fileName(series)}.png`)
}

/** @param {SVGSVGElement} drawing @param {Series} series @param {HTMLElement} legend @returns {Promise<Blob>} */
async function pngOf(drawing, series, legend) {
  const { width, height } = drawing.viewBox.baseVal
  const canvas = document.createElement("canvas")
  const context = canvas.getContext("2d")
  if (!context) throw new Error("this browser cannot draw")
  const { fontFamily, color } = getComputedStyle(document.body)
  const words = (/** @type {Record<string, unknown>} */ place, /** @type {string} */ text) =>
    svg("text", { "font-size": 13, "font-family": fontFamily, fill: color, ...place }, text)
  context.font = `13px ${fontFamily}`
  const lengthOf = (/** @type {string} */ text) => context.measureText(text).width
  const room = width - 2 * MARGIN
  const about = inRows(contextOf(series), room, lengthOf)
  const entries = inRows([...legend.children], room, entry => KEY + lengthOf(entry.textContent ?? ""))
  const head = TITLE + heightOf(about) + MARGIN
  const whole = head + height + heightOf(entries) + MARGIN
  const picture = svg(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width, height: whole, viewBox: `0 ${-head} ${width} ${whole}` },
    svg("desc", {}, summaryOf(series)),
    frozenPatterns(),
    words({ x: MARGIN, y: 20 - head, "font-size": 15, "font-weight": 600 }, titleOf(series)),
    ...about.map(({ thing, x, y }) => words({ x: MARGIN + x, y: TITLE - head + y + 13 }, thing)),
    frozen(drawing),
    ...entries.flatMap(({ thing, x, y }) => {
      const key = thing.querySelector("svg")
      const at = { x: MARGIN + x, y: height + y }
      return [key && movedTo(frozen(key), at), words({ x: at.x + KEY, y: at.y + 11 }, thing.textContent ?? "")]
    }),
  )
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(picture))}`
  await image.decode()
  canvas.width = width * SHARPNESS
  canvas.height = whole * SHARPNESS
  context.fillStyle = resolved(getComputedStyle(document.documentElement).getPropertyValue("--color-surface"))
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error("this browser cannot write a picture"))),
      "image/png",
    )
  })
}

/**
 * Where things stand beside each other, in as many rows as it takes.
 * @template Thing
 * @param {Thing[]} things @param {number} room @param {(thing: Thing) => number} widthOf
 */
export function inRows(things, room, widthOf) {
  let x = 0
  let y = 0
  return things.map(thing => {
    const width = widthOf(thing)
    if (x > 0 && x + width > room) {
      x = 0
      y += LINE
    }
    const placed = { thing, x, y }
    x += width + GAP
    return placed
  })
}

/** @param {{ y: number }[]} rows */
const heightOf = rows => (rows.length > 0 ? rows[rows.length - 1].y + LINE : 0)

/** @param {Element} drawing @param {{ x: number, y: number }} place */
function movedTo(drawing, { x, y }) {
  drawing.setAttribute("x", String(x))
  drawing.setAttribute("y", String(y))
  return drawing
}

/** A colour as a canvas understands it, in the present theme. @param {string} colour */
function resolved(colour) {
  const probe = document.createElement("span")
  probe.style.color = colour
  document.body.append(probe)
  const found = getComputedStyle(probe).color
  probe.remove()
  return found
}

/** A copy that needs no style sheet. @param {Element} drawing */
function frozen(drawing) {
  const copy = /** @type {Element} */ (drawing.cloneNode(true))
  const originals = [drawing, ...drawing.querySelectorAll("*")]
  for (const [index, element] of [copy, ...copy.querySelectorAll("*")].entries()) {
    const style = getComputedStyle(originals[index])
    for (const name of COPIED) element.setAttribute(name, style.getPropertyValue(name))
    element.removeAttribute("class")
  }
  return copy
}

function frozenPatterns() {
  const holder = document.querySelector(".chart-patterns > defs")
  return holder ? frozen(holder) : patterns()
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}
