// XML-RPC as far as Odoo speaks it: https://xmlrpc.com/spec.md, with <nil/>.

const ENTITIES = /** @type {Record<string, string>} */ ({ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" })

/** @param {string} text */
const escaped = text => text.replace(/[&<>]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign] ?? sign)

/** @param {string} text */
const decoded = text =>
  text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) =>
    name ? (ENTITIES[name] ?? whole) : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)))

/** @param {unknown} value @returns {string} */
function written(value) {
  if (value === null || value === undefined) return "<value><nil/></value>"
  if (typeof value === "boolean") return `<value><boolean>${value ? 1 : 0}</boolean></value>`
  if (typeof value === "number") {
    const type = Number.isInteger(value) ? "int" : "double"
    return `<value><${type}>${value}</${type}></value>`
  }
  if (Array.isArray(value)) return `<value><array><data>${value.map(written).join("")}</data></array></value>`
  if (typeof value === "object") {
    const members = Object.entries(value).map(([name, one]) => `<member><name>${escaped(name)}</name>${written(one)}</member>`)
    return `<value><struct>${members.join("")}</struct></value>`
  }
  return `<value><string>${escaped(String(value))}</string></value>`
}

/** @param {string} method @param {unknown[]} parameters */
export const methodCall = (method, parameters) =>
  `<?xml version="1.0"?><methodCall><methodName>${escaped(method)}</methodName><params>${parameters
    .map(one => `<param>${written(one)}</param>`)
    .join("")}</params></methodCall>`

/** Reads one document from its first tag to its last. */
class Reader {
  /** @param {string} xml */
  constructor(xml) {
    this.parts = xml.replace(/<\?.*?\?>/gs, "").match(/<[^>]+>|[^<]+/g) ?? []
    this.at = 0
  }

  skipSpace() {
    while (this.parts[this.at]?.trim() === "") this.at += 1
  }

  /** Takes that tag if it is the next. @param {string} tag */
  takes(tag) {
    const from = this.at
    this.skipSpace()
    if (this.parts[this.at] === tag) {
      this.at += 1
      return true
    }
    this.at = from
    return false
  }

  /** @param {string} tag */
  must(tag) {
    if (!this.takes(tag)) throw new Error(`XML-RPC: ${tag} was expected, not ${this.parts.slice(this.at, this.at + 5).join("")}`)
  }

  text() {
    const part = this.parts[this.at] ?? ""
    if (part.startsWith("<")) return ""
    this.at += 1
    return decoded(part)
  }

  /** @returns {any} */
  value() {
    this.must("<value>")
    const found = this.typed()
    this.must("</value>")
    return found
  }

  typed() {
    if (this.takes("<nil/>")) return null
    if (this.takes("<string/>")) return ""
    if (this.takes("<array>")) return this.array()
    if (this.takes("<struct>")) return this.struct()
    for (const type of ["int", "i4", "double", "boolean", "string"]) {
      if (!this.takes(`<${type}>`)) continue
      const text = this.text()
      this.must(`</${type}>`)
      return type === "string" ? text : type === "boolean" ? text === "1" : Number(text)
    }
    return this.text() // without a type it is a string
  }

  array() {
    const found = []
    if (!this.takes("<data/>")) {
      this.must("<data>")
      while (!this.takes("</data>")) found.push(this.value())
    }
    this.must("</array>")
    return found
  }

  struct() {
    /** @type {Record<string, any>} */
    const found = {}
    while (!this.takes("</struct>")) {
      this.must("<member>")
      this.must("<name>")
      const name = this.text()
      this.must("</name>")
      found[name] = this.value()
      this.must("</member>")
    }
    return found
  }
}

/** What a method gave; throws its fault. @param {string} xml @returns {any} */
export function methodResponse(xml) {
  const reader = new Reader(xml)
  reader.must("<methodResponse>")
  if (reader.takes("<fault>")) throw new Error(reader.value().faultString)
  reader.must("<params>")
  reader.must("<param>")
  return reader.value()
}
