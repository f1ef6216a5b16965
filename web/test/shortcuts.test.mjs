// Which keys are the page's own, and that a reader can switch them off.

import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"

/** @type {Map<string, string>} */
const stored = new Map()
let isLayerOpen = false
let refuses = false
Object.assign(globalThis, {
  localStorage: {
    /** @param {string} key */
    getItem(key) {
      if (refuses) throw new Error("refused")
      return stored.get(key) ?? null
    },
    /** @param {string} key @param {string} value */
    setItem(key, value) {
      if (refuses) throw new Error("refused")
      stored.set(key, value)
    },
    /** @param {string} key */
    removeItem: key => stored.delete(key),
  },
  document: { querySelector: () => (isLayerOpen ? {} : null) },
})
const { chooseShortcuts, isShortcut, shortcutsAreOn } = await import("../src/lib/shortcuts.js")

/** @param {object} [more] */
const press = (more = {}) => /** @type {any} */ ({ key: "j", target: { closest: () => null }, ...more })

beforeEach(() => {
  stored.clear()
  isLayerOpen = false
  refuses = false
})

test("a key is the page's own unless it is typed, belongs to a layer, the browser or somebody who took it", () => {
  assert.equal(isShortcut(press()), true)
  for (const held of ["ctrlKey", "metaKey", "altKey", "defaultPrevented"])
    assert.equal(isShortcut(press({ [held]: true })), false, held)
  assert.equal(isShortcut(press({ target: { closest: () => ({}) } })), false)
  isLayerOpen = true
  assert.equal(isShortcut(press()), false)
})

test("switched off they do nothing, and switched on again they leave nothing behind", () => {
  chooseShortcuts(false)
  assert.deepEqual([shortcutsAreOn(), isShortcut(press())], [false, false])
  chooseShortcuts(true)
  assert.deepEqual([shortcutsAreOn(), isShortcut(press()), stored.size], [true, true, 0])
})

test("in a browser that stores nothing the choice holds until the page is left", () => {
  refuses = true
  assert.equal(shortcutsAreOn(), true)
  chooseShortcuts(false)
  assert.equal(shortcutsAreOn(), false)
  chooseShortcuts(true)
  assert.equal(shortcutsAreOn(), true)
})
