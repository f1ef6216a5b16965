// Styles, scripts, the font and the licences, each under a name that carries the hash of its content.

import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { build } from "esbuild"
import { appIcon, appManifest } from "./app-manifest.mjs"
import { LANGUAGES } from "./catalogues.mjs"
import { PAGES, pageNamed, scriptOf } from "./page-list.mjs"

const require = createRequire(import.meta.url)
const WEB = fileURLToPath(new URL("..", import.meta.url))
const COMPRESSED = ["woff2", "webp"]
const BROWSERS = ["chrome111", "firefox128", "safari16.4"]

/** @typedef {{ file: string, type: string, immutable: boolean, content: Buffer, compress: boolean, csp?: string }} OutputFile */
/** @typedef {Awaited<ReturnType<typeof buildAssets>>} Assets */

/** @param {Awaited<ReturnType<typeof import("./catalogues.mjs").readCatalogues>>} catalogues */
export async function buildAssets(catalogues) {
  /** @type {OutputFile[]} */
  const files = []
  /** @type {Record<string, string>} */
  const urls = {}
  /** @type {Record<string, string[]>} */
  const sourcesOfScript = {}

  /** @param {string} name @param {string} extension @param {string} type @param {Buffer} content */
  const add = (name, extension, type, content) => {
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 12)
    const file = `assets/${name}-${hash}.${extension}`
    files.push({ file, type, immutable: true, content, compress: !COMPRESSED.includes(extension) })
    urls[`${name}.${extension}`] = `/${file}`
  }

  add(
    "inter",
    "woff2",
    "font/woff2",
    await readFile(modulePath("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2")),
  )
  for (const name of await readdir(join(WEB, "pictures"))) {
    add(name.replace(".webp", ""), "webp", "image/webp", await readFile(join(WEB, "pictures", name)))
  }
  const styles = await tailwind("styles/app.css")
  add("app", "css", "text/css; charset=utf-8", Buffer.from(styles.replaceAll("inter.woff2", urls["inter.woff2"])))
  add("docs", "css", "text/css; charset=utf-8", await docsStyles())
  add("app", "svg", "image/svg+xml", appIcon)
  for (const language of LANGUAGES) {
    const text = (/** @type {string} */ key) => catalogues.text(language, key, "the application")
    const places = { icon: urls["app.svg"], pathOf: (/** @type {string} */ name) => pageNamed(name)?.path ?? "" }
    add(`app-${language}`, "webmanifest", "application/manifest+json", appManifest(language, text, places))
  }
  add("licences", "txt", "text/plain; charset=utf-8", await licences())

  const scripts = ["theme", ...new Set(PAGES.flatMap(page => scriptOf(page) ?? []))]
  for (const { name, content, sources } of await bundle(scripts)) {
    add(name, "js", "text/javascript; charset=utf-8", content)
    sourcesOfScript[name] = sources
  }

  const standaloneStyles = await minifiedCss("styles/standalone.css")
  return { files, urls, sourcesOfScript, standaloneStyles }
}

/** @param {string} entry */
async function tailwind(entry) {
  const folder = await mkdtemp(join(tmpdir(), "onboarding-web-"))
  try {
    const output = join(folder, "app.css")
    const cli = join(dirname(modulePath("@tailwindcss/cli/package.json")), "dist/index.mjs")
    await promisify(execFile)(process.execPath, [cli, "--input", join(WEB, entry), "--output", output, "--minify"], {
      cwd: WEB,
    })
    return await readFile(output, "utf8")
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

// theme.js runs before the first paint and is therefore a classic script; the rest are modules.
/** @param {string[]} names */
async function bundle(names) {
  const result = await build({
    entryPoints: names.map(name => `src/pages/${name}.js`),
    absWorkingDir: WEB,
    outdir: "out",
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    format: "esm",
    target: BROWSERS,
    charset: "utf8",
    legalComments: "none",
    logLevel: "error",
    tsconfigRaw: {},
  })
  const outputs = Object.entries(result.metafile.outputs)
  return names.map(name => {
    const [path, output] = outputs.find(([, candidate]) => candidate.entryPoint === `src/pages/${name}.js`) ?? []
    const file = result.outputFiles.find(candidate => relative(WEB, candidate.path) === path)
    if (!file || !output) throw new Error(`no bundle for ${name}`)
    return {
      name,
      content: Buffer.from(file.contents),
      sources: Object.keys(output.inputs)
        .filter(input => input.startsWith("src/"))
        .sort(),
    }
  })
}

async function docsStyles() {
  const swagger = await readFile(modulePath("swagger-ui-dist/swagger-ui.css"), "utf8")
  return Buffer.from(
    `${swagger.replace(/\/\*# sourceMappingURL.*?\*\//g, "")}\n${await minifiedCss("styles/docs.css")}`,
  )
}

/** @param {string} entry */
async function minifiedCss(entry) {
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: WEB,
    write: false,
    minify: true,
    target: BROWSERS,
    logLevel: "error",
  })
  return result.outputFiles[0].text.trim()
}

// The licences of everything that is delivered to browsers.
async function licences() {
  const texts = []
  for (const [name, file] of [
    ["Inter (font)", "@fontsource-variable/inter/LICENSE"],
    ["Material Design Icons", "@mdi/js/LICENSE"],
    ["SimpleWebAuthn", "@simplewebauthn/browser/LICENSE.md"],
    ["Swagger UI", "swagger-ui-dist/LICENSE"],
    ["Parts of Swagger UI", "swagger-ui-dist/swagger-ui-es-bundle.js.LICENSE.txt"],
    ["Tailwind CSS", "tailwindcss/LICENSE"],
  ]) {
    texts.push(`${name}\n${"=".repeat(name.length)}\n\n${(await readFile(modulePath(file), "utf8")).trim()}\n`)
  }
  return Buffer.from(texts.join("\n\n"))
}

// Some packages hide their files from require.resolve, so look beside the folder that resolution starts from.
/** @param {string} file */
function modulePath(file) {
  for (const folder of require.resolve.paths(file) ?? []) {
    const candidate = join(folder, file)
    try {
      return require.resolve(candidate)
    } catch {}
  }
  throw new Error(`${file} is not installed: run npm ci --ignore-scripts in web/`)
}
