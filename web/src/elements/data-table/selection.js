// Which rows are ticked, over all pages of a list: some by their ids, or all that match but some. Known by id, never by
// place. No elements here.

export class Selection {
  #question = ""
  #all = false
  /** Ticked rows; when all that match are meant, those that are not. @type {Set<string>} */
  #ids = new Set()

  /** Ticks are of one question's rows: another one starts without any. @param {string} question */
  ask(question) {
    if (question !== this.#question) this.clear()
    this.#question = question
  }

  /** @param {string} id */
  has(id) {
    return this.#ids.has(id) !== this.#all
  }

  /** @param {string} id @param {boolean} ticked */
  tick(id, ticked) {
    if (ticked === this.#all) this.#ids.delete(id)
    else this.#ids.add(id)
  }

  /** The box of the head: a page is ticked as a whole; unticked, nothing is any more. @param {string[]} page @param {boolean} ticked */
  tickPage(page, ticked) {
    if (!ticked) this.clear()
    else for (const id of page) this.tick(id, true)
  }

  /** Every row that matches, on this page and on those that nobody has seen. */
  tickAll() {
    this.#all = true
    this.#ids.clear()
  }

  clear() {
    this.#all = false
    this.#ids.clear()
  }

  get isEmpty() {
    return !this.#all && this.#ids.size === 0
  }

  get isAll() {
    return this.#all
  }

  /** @param {number} matching how many rows the list has */
  count(matching) {
    return this.#all ? Math.max(0, matching - this.#ids.size) : this.#ids.size
  }

  /** @param {string[]} page @returns {"none" | "some" | "whole"} */
  ofPage(page) {
    const ticked = page.filter(id => this.has(id)).length
    return ticked === 0 ? "none" : ticked < page.length ? "some" : "whole"
  }

  /**
   * What the server is told: the rows, or the question with its exceptions.
   * @param {URLSearchParams} filter @returns {import("./bulk.js").Target}
   */
  target(filter) {
    if (!this.#all) return { ids: [...this.#ids] }
    return { filter: Object.fromEntries(filter), exclude: [...this.#ids] }
  }
}
