// Presses Tab through a page as a person without a mouse would, and reports focus that is lost, unseen or covered.

const MOST_STOPS = 70

/** @param {import("./support.mjs").Page} page @returns {Promise<string[]>} */
export async function keyboardWalk(page) {
  /** @type {string[]} */
  const findings = []
  const seen = new Set()
  await page.evaluate(() => {
    scrollTo(0, 0)
    // From the top: where something had the focus last, Tab would go on, and there may be nothing after it.
    const top = document.createElement("span")
    top.tabIndex = -1
    document.body.prepend(top)
    top.focus()
    top.remove()
  })
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press("Tab")
    const place = await page.evaluate(describeFocus)
    if (place.name === "body") break
    if (seen.has(place.path)) break
    seen.add(place.path)
    findings.push(...place.findings.map(finding => `${finding}: ${place.name}`))
  }
  const operable = await page.locator("a[href]:visible, button:visible, input:visible").count()
  if (operable > 0 && seen.size === 0) findings.push("nothing can be reached by keyboard")
  return findings
}

/** Runs inside the page. */
function describeFocus() {
  const element = document.activeElement
  if (!element || element === document.body) return { name: "body", path: "", findings: [] }
  const box = element.getBoundingClientRect()
  const text = (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().replace(/\s+/g, " ")
  const findings = []
  const ringed = [element, element.parentElement].some(candidate => {
    const style = candidate && getComputedStyle(candidate)
    return style && style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 1
  })
  if (!ringed) findings.push("focus is not visible")
  const outside = box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth
  if (outside) findings.push("focus is outside the window")
  else {
    const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1)
    // What is higher than the window is seen in its middle: the browser need not scroll to it.
    const above = box.top < 0 && box.bottom > innerHeight ? innerHeight / 2 : box.top + Math.min(box.height / 2, 24)
    const y = Math.min(Math.max(above, 1), innerHeight - 1)
    const top = document.elementFromPoint(x, y)
    const related = top && (element.contains(top) || top.contains(element) || top.closest("label")?.contains(element))
    if (!related)
      findings.push(`focus is covered by <${top?.tagName.toLowerCase()} class="${top?.getAttribute("class")}">`)
  }
  let path = ""
  for (let node = /** @type {Element | null} */ (element); node; node = node.parentElement) {
    path += `/${node.parentElement ? [...node.parentElement.children].indexOf(node) : 0}`
  }
  return { name: `<${element.tagName.toLowerCase()}> “${text.slice(0, 40)}”`, path, findings }
}
