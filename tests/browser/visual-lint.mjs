// What a careful eye would find on a page, measured: things that scroll sideways, text outside its box, wrapped badges,
// columns out of line, and targets too small to hit. Swagger UI's own inside is left to Swagger UI.

/** @param {import("./support.mjs").Page} page @returns {Promise<string[]>} what was found, in words */
export function visualLint(page) {
  return page.evaluate(() => {
    const BOXES = "button, .button, .badge, .chip, .environment, .card, .notice, .dialog, th, td, .segmented, .input"
    const TARGETS = "a[href], button, input, select, summary, [role=button]"
    const LEAST_TARGET = 24
    const FOREIGN = ".swagger-ui"
    /** @type {string[]} */
    const findings = []

    const root = document.documentElement
    if (root.scrollWidth > root.clientWidth) {
      findings.push(`the page scrolls sideways: ${root.scrollWidth} px in ${root.clientWidth} px`)
    }
    for (const [element, range] of texts()) {
      lintBox(element, range)
    }
    for (const badge of visible(".badge, .environment, .chip")) {
      if (linesOf(badge) > 1) findings.push(`wrapped: ${nameOf(badge)}`)
    }
    for (const table of visible("table")) lintColumns(/** @type {HTMLTableElement} */ (table))
    for (const target of visible(TARGETS)) lintTarget(target)
    return [...new Set(findings)]

    /** @param {Element} element @param {Range} range */
    function lintBox(element, range) {
      const box = element.closest(BOXES)
      if (!box || isClipped(element, box)) return
      const outer = box.getBoundingClientRect()
      for (const rect of range.getClientRects()) {
        const outside = Math.max(outer.left - rect.left, rect.right - outer.right, rect.bottom - outer.bottom - 4)
        if (rect.width > 0 && outside > 1.5) {
          findings.push(`text outside its box by ${Math.round(outside)} px: ${nameOf(element)}`)
          return
        }
      }
    }

    // Text that ends in an ellipsis or stands in a scroller is cut on purpose.
    /** @param {Element} element @param {Element} box */
    function isClipped(element, box) {
      for (let node = /** @type {Element | null} */ (element); node; node = node.parentElement) {
        if (getComputedStyle(node).overflowX !== "visible") return true
        if (node === box) return false
      }
      return false
    }

    /** @param {HTMLTableElement} table */
    function lintColumns(table) {
      if (getComputedStyle(table).display !== "table") return // on a phone rows are cards
      const head = table.tHead?.rows[0]
      const row = table.tBodies[0]?.rows[0]
      if (!head || !row || head.cells.length !== row.cells.length) return
      for (let index = 0; index < head.cells.length; index += 1) {
        const above = head.cells[index].getBoundingClientRect()
        const below = row.cells[index].getBoundingClientRect()
        if (Math.abs(above.left - below.left) > 1 || Math.abs(above.right - below.right) > 1) {
          findings.push(`column ${index + 1} is out of line with its header: ${nameOf(head.cells[index])}`)
        }
      }
    }

    /** @param {Element} target */
    function lintTarget(target) {
      const style = getComputedStyle(target)
      if (style.opacity === "0" && target.closest("label")) return
      if (target.matches("a") && style.display === "inline" && standsInSentence(target)) return
      const { width, height } = target.getBoundingClientRect()
      if (Math.min(width, height) < LEAST_TARGET - 0.5) {
        findings.push(`target of ${Math.round(width)} × ${Math.round(height)} px: ${nameOf(target)}`)
      }
    }

    /** @param {Element} link */
    function standsInSentence(link) {
      const around = link.parentElement?.textContent?.trim() ?? ""
      return around.length > (link.textContent?.trim().length ?? 0)
    }

    /** @param {Element} element */
    function linesOf(element) {
      const range = document.createRange()
      range.selectNodeContents(element)
      const tops = [...range.getClientRects()].filter(rect => rect.width > 0).map(rect => rect.top + rect.height / 2)
      return tops.length > 0 && Math.max(...tops) - Math.min(...tops) > 8 ? 2 : 1
    }

    /** @param {string} selector */
    function visible(selector) {
      return [...document.querySelectorAll(selector)].filter(element => {
        const rect = element.getBoundingClientRect()
        const shown = element.checkVisibility({ visibilityProperty: true }) && rect.width > 1 && rect.bottom > 0
        return shown && !element.closest(FOREIGN)
      })
    }

    /** @returns {Generator<[Element, Range]>} */
    function* texts() {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement
        if (!parent || !node.textContent?.trim() || parent.closest(`${FOREIGN}, .sr-only, script`)) continue
        if (!parent.checkVisibility({ visibilityProperty: true })) continue
        const range = document.createRange()
        range.selectNodeContents(node)
        yield [parent, range]
      }
    }

    /** @param {Element} element */
    function nameOf(element) {
      const text = (element.getAttribute("aria-label") ?? element.textContent ?? "").trim().replace(/\s+/g, " ")
      return `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}"> “${text.slice(0, 40)}”`
    }
  })
}
