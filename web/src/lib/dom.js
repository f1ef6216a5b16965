// Making and finding elements. Text goes in as text, never as markup.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, unknown>} Properties attributes; a function under "onclick" and the like becomes a listener */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {Properties} [properties] @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  assign(element, properties)
  fill(element, ...children)
  return element
}

/** @param {string} tag @param {Properties} [properties] @param {...(Child | Child[])} children */
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
  assign(element, properties)
  fill(element, ...children)
  return element
}

/** Replaces the content of an element. @param {Element} element @param {...(Child | Child[])} children */
export function fill(element, ...children) {
  const nodes = children.flat().filter(child => child !== null && child !== undefined && child !== false)
  element.replaceChildren(
    .../** @type {(Node | string)[]} */ (nodes.map(node => (typeof node === "number" ? String(node) : node))),
  )
}

/** A text with nodes at its {places}. @param {string} text @param {Record<string, Child>} nodes @returns {Child[]} */
export const inPlaces = (text, nodes) =>
  text.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : nodes[part]))

/** What somebody typed, within a sentence: however it turns the direction of writing, the sentence keeps its own. @param {string} text */
export const typed = text => h("bdi", { translate: "no" }, text)

/** Replaces the content, and what had the focus there has it again: it is known by its id. @param {Element} element @param {...(Child | Child[])} children */
export function redraw(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : ""
  fill(element, ...children)
  if (focused) document.getElementById(focused)?.focus()
}

/** Whether it can have the focus as it is. @param {Element | null | undefined} element @returns {element is HTMLElement} */
export const isFocusable = element =>
  element instanceof HTMLElement &&
  element !== document.body &&
  element.checkVisibility() &&
  !element.matches(":disabled")

/** Writes text only when it changed, so that selections and screen readers are left alone. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * The element with this id, which the page's template promises.
 * @template {HTMLElement} Type
 * @param {string} id @param {new () => Type} type @returns {Type}
 */
export function byId(id, type) {
  const element = document.getElementById(id)
  if (!(element instanceof type)) throw new Error(`the page has no ${type.name} #${id}`)
  return element
}

/** @param {Element} element @param {Properties} properties */
function assign(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value))
    else element.setAttribute(name, value === true ? "" : String(value))
  }
}
