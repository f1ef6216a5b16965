// Writes the finished files with their compressed siblings and the manifest that the server reads.

import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { brotliCompress, constants, gzip } from "node:zlib"
import { PAGES, routeOf } from "./page-list.mjs"

const LARGE = 400_000
const compressors = { gz: promisify(gzip), br: promisify(brotliCompress) }

/** @param {string} folder @param {import("./assets.mjs").OutputFile[]} files */
export async function writeOutput(folder, files) {
  const sorted = [...files].sort((a, b) => (a.file < b.file ? -1 : 1))
  let compressedBytes = 0
  await Promise.all(
    sorted.map(async ({ file, content, compress }) => {
      const path = join(folder, file)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
      if (!compress) {
        compressedBytes += content.length
        return
      }
      const gz = await compressors.gz(content, { level: 9 })
      const br = await compressors.br(content, { params: brotliParameters(content) })
      compressedBytes += br.length
      await Promise.all([writeFile(`${path}.gz`, gz), writeFile(`${path}.br`, br)])
    }),
  )
  const manifest = sorted.map(({ file, type, immutable, csp }) => ({ file, type, immutable, ...(csp && { csp }) }))
  const lines = (/** @type {unknown[]} */ entries) => entries.map(entry => `  ${JSON.stringify(entry)}`).join(",\n")
  const routes = PAGES.filter(({ path }) => path).map(routeOf)
  await writeFile(
    join(folder, "manifest.json"),
    `{"files": [\n${lines(manifest)}\n], "pages": [\n${lines(routes)}\n]}\n`,
  )
  return { files: files.length, bytes: sorted.reduce((sum, file) => sum + file.content.length, 0), compressedBytes }
}

// The highest brotli level takes seconds for the one large bundle (the API reference) and gains three per cent.
/** @param {Buffer} content */
function brotliParameters(content) {
  return {
    [constants.BROTLI_PARAM_QUALITY]: content.length > LARGE ? 8 : 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  }
}
