// Turns the pages' catalogues into a C++ table for the program, sorted by key. Messages with plural forms stay with the pages.
import { readFileSync, writeFileSync } from "node:fs"

const [folder, out] = process.argv.slice(2)
const [en, es] = ["en", "es"].map(language => JSON.parse(readFileSync(`${folder}/${language}.json`, "utf8")))
const rows = Object.keys(en)
  .filter(key => typeof en[key] === "string" && typeof es[key] === "string")
  .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
  .map(key => `    {${[key, en[key], es[key]].map(text => JSON.stringify(text)).join(", ")}},`)

writeFileSync(
  out,
  `// Generated from web/locales.\n#include "platform/i18n/words.hpp"\n\nnamespace i18n {\nstd::span<Word const> words() {\n  static constexpr Word all[]{\n${rows.join("\n")}\n  };\n  return all;\n}\n}  // namespace i18n\n`,
)
