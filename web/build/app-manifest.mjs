// What a device needs to know to keep the console among its applications, in the language of the page that says so.

const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512"><rect width="512" height="512" fill="#0b5d4a"/>' +
  '<path d="M146 278l73 73L375 174" fill="none" stroke="#fff" stroke-width="48" stroke-linecap="round" stroke-linejoin="round"/></svg>\n'

/** What the home screen of a phone opens at once. */
const SHORTCUTS = ["tenants", "jobs"]

/** It fills its square and keeps its mark in the middle, so that a device may cut it into any shape. */
export const appIcon = Buffer.from(ICON)

/**
 * @param {string} language @param {(key: string) => string} text
 * @param {{ icon: string, pathOf: (page: string) => string }} places
 */
export function appManifest(language, text, { icon, pathOf }) {
  return Buffer.from(
    JSON.stringify({
      id: "/admin",
      start_url: "/admin",
      scope: "/",
      display: "standalone",
      lang: language,
      name: text("product"),
      short_name: text("product"),
      background_color: "#ffffff",
      theme_color: "#0b5d4a",
      icons: ["any", "maskable"].map(purpose => ({ src: icon, sizes: "any", type: "image/svg+xml", purpose })),
      shortcuts: SHORTCUTS.map(page => ({ name: text(`${page}.title`), url: pathOf(page) })),
    }),
  )
}
