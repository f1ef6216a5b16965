// Turns the built pages into an assembler file with their bytes and a C++ table that names them.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [folder, out] = process.argv.slice(2)
const { files, pages } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"))

const assembler = [".section .rodata"]
const declarations = []
const rows = []

function embed(path, name) {
  if (!existsSync(path)) return "{}"
  assembler.push(`.global ${name}_start`, `${name}_start:`, `.incbin ${JSON.stringify(path)}`, `.global ${name}_end`, `${name}_end:`, ".byte 0")
  declarations.push(`extern "C" char const ${name}_start[], ${name}_end[];`)
  return `{${name}_start, ${name}_end}`
}

files.forEach(({ file, type, immutable, csp }, index) => {
  const path = join(folder, file)
  const [plain, gzip, brotli] = ["", ".gz", ".br"].map((ending, form) => embed(path + ending, `web_file_${index}_${form}`))
  rows.push(`      {${JSON.stringify(file)}, ${JSON.stringify(type)}, ${immutable ? "true" : "false"}, ${JSON.stringify(csp ?? "")}, ${plain}, ${gzip}, ${brotli}},`)
})

writeFileSync(join(out, "web_files.S"), `${assembler.join("\n")}\n.section .note.GNU-stack,"",@progbits\n`)
const routes = pages.map(
  ({ path, name, staff, leadsTo, list }) => `      {${[path, name, leadsTo ?? "", list ?? ""].map(text => JSON.stringify(text)).join(", ")}, ${staff}},`,
)
const list = (type, name, entries) =>
  `std::vector<${type}> const& ${name}() {\n  static std::vector<${type}> const list{\n${entries.join("\n")}\n  };\n  return list;\n}\n`

writeFileSync(
  join(out, "web_files.cpp"),
  `// Generated: the built pages.\n#include "app/web_files.hpp"\n${declarations.join("\n")}\nnamespace app {\n${list("WebFile", "web_files", rows)}${list("WebRoute", "web_routes", routes)}}\n`,
)
