// Heads of a table stay in sight. Where it fits, the page is what scrolls; where it has to be scrolled to the side, its box
// scrolls both ways, since what scrolls one way is what heads stick to.

/** @param {HTMLElement} box @param {HTMLElement} grid */
export function watchWidth(box, grid) {
  const observer = new ResizeObserver(() => box.toggleAttribute("data-wide", grid.offsetWidth > box.clientWidth))
  observer.observe(box)
  observer.observe(grid)
}
