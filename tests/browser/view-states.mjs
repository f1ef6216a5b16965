// Saved views as the API keeps them, for one person and one list.

/** @typedef {import("./support.mjs").Page} Page */

const NOTHING = {
  query: "",
  columns: { hidden: [], shown: [], order: [] },
  density: null,
  page_size: null,
  visibility: "private",
  owner: "Olga",
  own: true,
  pinned: false,
  is_default: false,
  dropped: { filters: [], columns: [] },
  version: 1,
}

/** @param {Page} page @param {Record<string, any>[]} views what is kept of them @returns {Promise<Record<string, any>[]>} */
export async function keepViews(page, views) {
  const kept = views.map((view, index) => ({ ...NOTHING, id: `view_${index + 1}`, list: "tenants", ...view }))
  await page.route(
    url => url.pathname === "/api/views",
    route => {
      const request = route.request()
      const list = new URL(request.url()).searchParams.get("list")
      if (request.method() === "GET")
        return route.fulfill({ json: { data: kept.filter(view => (list ? view.list === list : view.pinned)) } })
      const made = { ...NOTHING, ...request.postDataJSON(), id: `view_${kept.length + 1}` }
      kept.push(made)
      return route.fulfill({ status: 201, json: made })
    },
  )
  await page.route(/\/api\/views\/view_\d+/, route => {
    const request = route.request()
    const [, id, marks] = /(view_\d+)(\/marks)?$/.exec(request.url()) ?? []
    const view = kept.find(one => one.id === id)
    if (!view) return route.fulfill({ status: 404, json: { status: 404, code: "view_not_found" } })
    if (request.method() === "DELETE") {
      kept.splice(kept.indexOf(view), 1)
      return route.fulfill({ status: 204 })
    }
    if (request.method() === "PUT" && !marks && request.headers()["if-match"] !== `"${view.version}"`)
      return route.fulfill({ status: 412, json: { status: 412, code: "version_outdated", current: view } })
    if (request.method() === "PUT")
      Object.assign(view, request.postDataJSON(), marks ? {} : { version: view.version + 1 })
    return route.fulfill({ json: view })
  })
  return kept
}
