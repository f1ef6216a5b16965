// A chart as a file: PNG as it looks at the moment, with its title; CSV as it was counted.

import { svg } from "../dom.js"
import { patterns } from "./marks.js"
import { csvOf, summaryOf, titleOf } from "./series.js"

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
const HEAD = 34

/** @param {Series} series */
const fileName = ({ definition, range }) => [definition, range?.from, range?.to].filter(Boolean).join("_")

/** @param {Series} series */
export function downloadCsv(series) {
  // Spreadsheets take a file for UTF-8 when it begins with this mark.
  save(new Blob(["\ufeff", csvOf(series)], { type: "text/csv;charset=utf-8" }), `${fileName(series)}.csv`)
}

/** @param {SVGSVGElement} drawing as it stands on the page @param {Series} series */
export async function downloadPng(drawing, series) {
  const blob = await pngOf(drawing, titleOf(series), summaryOf(series))
  save(blob, `${fileName(series)}.png`)
}

/** @param {SVGSVGElement} drawing @param {string} title @param {string} summary @returns {Promise<Blob>} */
export async function pngOf(drawing, title, summary) {
  const { width, height } = drawing.viewBox.baseVal
  const page = getComputedStyle(document.body)
  const surface = getComputedStyle(document.documentElement).getPropertyValue("--color-surface")
  const picture = svg(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width,
      height: height + HEAD,
      viewBox: `0 ${-HEAD} ${width} ${height + HEAD}`,
    },
    svg("desc", {}, summary),
    frozenPatterns(),
    svg(
      "text",
      { x: 8, y: -12, "font-size": 15, "font-weight": 600, "font-family": page.fontFamily, fill: page.color },
      title,
    ),
    frozen(drawing),
  )
  const image = new Image()
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(picture))}`
  await image.decode()
  const canvas = document.createElement("canvas")
  canvas.width = width * SHARPNESS
  canvas.height = (height + HEAD) * SHARPNESS
  const context = canvas.getContext("2d")
  if (!context) throw new Error("this browser cannot draw")
  context.fillStyle = resolved(surface)
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.drawImage(image, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      blob => (blob ? resolve(blob) : reject(new Error("this browser cannot write a picture"))),
      "image/png",
    )
  })
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
