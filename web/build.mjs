// Builds everything the server embeds: `node web/build.mjs --out DIR` writes pages, assets and manifest.json into DIR.

import { rm } from "node:fs/promises"
import { resolve } from "node:path"
import { parseArgs } from "node:util"
import { buildAssets } from "./build/assets.mjs"
import { readCatalogues } from "./build/catalogues.mjs"
import { writeOutput } from "./build/output.mjs"
import { renderPages } from "./build/pages.mjs"
import { readRequests } from "./build/requests.mjs"

const { values } = parseArgs({ options: { out: { type: "string" } } })
if (!values.out) {
  console.error("usage: node web/build.mjs --out DIR")
  process.exit(2)
}
const outputFolder = resolve(values.out)

try {
  const catalogues = await readCatalogues()
  const assets = await buildAssets(catalogues)
  const pages = await renderPages({ assets, catalogues, requests: await readRequests() })
  catalogues.assertEveryMessageIsUsed()
  await rm(outputFolder, { recursive: true, force: true })
  const summary = await writeOutput(outputFolder, [...assets.files, ...pages])
  console.log(
    `web: ${summary.files} files, ${Math.round(summary.bytes / 1024)} kB, ${Math.round(summary.compressedBytes / 1024)} kB as brotli`,
  )
} catch (error) {
  console.error(`web: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
}
