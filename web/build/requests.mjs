// What the API allows of each member of a request, from its description, which comes from the server's declarations. A rule is
// used by `rule("POST /api/views", "name")` and whatever else names both side by side, or by {{rule:POST /api/views name}} in a
// template; a name that the description does not know fails the build.

import { readFile } from "node:fs/promises"

/**
 * @typedef {{ $ref?: string, anyOf?: Schema[], type?: string | string[], format?: string, enum?: (string | null)[],
 *             items?: Schema, properties?: Record<string, Schema>, required?: string[], minLength?: number,
 *             maxLength?: number, minimum?: number, maximum?: number }} Schema
 * @typedef {{ parameters?: { name: string, in: string, required: boolean, schema: Schema }[],
 *             requestBody?: { content: { "application/json": { schema: Schema } } } }} Operation
 * @typedef {{ paths: Record<string, Record<string, Operation>>, components: { schemas: Record<string, Schema> } }} Description
 */
/** @typedef {import("../src/lib/rules.js").Rule} Rule */

/** How the formats are typed in. @type {Record<string, string>} */
const INPUTS = { email: "email", password: "password", "date-time": "datetime-local" }

export async function readRequests() {
  return new Requests(JSON.parse(await readFile(new URL("../../docs/api/openapi.json", import.meta.url), "utf8")))
}

export class Requests {
  /** @param {Description} description */
  constructor(description) {
    this.description = description
  }

  /** The rules that browser code names. @param {string} source @param {string} place @returns {Record<string, Rule>} */
  rulesIn(source, place) {
    const named = source.matchAll(/"((?:GET|POST|PUT|PATCH|DELETE) \/[^"]+)",\s*"([^"]+)"/g)
    return Object.fromEntries(
      [...named].map(([, operation, member]) => [`${operation} ${member}`, this.rule(operation, member, place)]),
    )
  }

  /** @param {string} operation "POST /api/views" @param {string} member of the body or the query @param {string} place @returns {Rule} */
  rule(operation, member, place) {
    const [method, path] = operation.split(" ")
    const found = this.#member(this.description.paths[path]?.[method.toLowerCase()] ?? {}, member)
    if (!found) throw new Error(`${place}: the API has no ${member} in ${operation}`)
    const { schema, required } = found
    const { enum: choices } = this.#schema(schema.items ?? schema)
    const isNumber = [schema.type].flat().includes("integer")
    const type = isNumber ? "number" : INPUTS[schema.format ?? ""]
    // What a PATCH leaves out stays as it is, so what is shown has to be filled in unless it may be empty.
    const isNeeded = method === "PATCH" ? isNumber || (schema.minLength ?? 0) > 0 : required
    return {
      name: member,
      ...(type && { type }),
      ...(isNumber && { step: 1 }),
      ...(schema.minimum !== undefined && { min: schema.minimum }),
      ...(schema.maximum !== undefined && { max: schema.maximum }),
      ...(schema.maxLength && { maxlength: schema.maxLength }),
      ...(isNeeded && { required: true }),
      ...(choices && { values: /** @type {string[]} */ (choices.filter(choice => choice !== null)) }),
      ...(schema.items && { many: true }),
    }
  }

  /** @param {Operation} operation @param {string} member "chosen/days" lies within an object or within each of a list */
  #member({ parameters = [], requestBody }, member) {
    const parameter = parameters.find(one => one.in === "query" && one.name === member)
    if (parameter) return parameter
    /** @type {Schema} */
    let schema = requestBody?.content["application/json"].schema ?? {}
    let required = false
    for (const name of member.split("/")) {
      const owner = this.#schema(schema.items ?? schema)
      if (!owner.properties?.[name]) return undefined
      required = owner.required?.includes(name) ?? false
      schema = this.#schema(owner.properties[name])
    }
    return { schema, required }
  }

  /** @param {Schema} schema @returns {Schema} what it is when it is there */
  #schema(schema) {
    const [first] = schema.anyOf ?? []
    if (first) return this.#schema(first)
    const name = schema.$ref?.split("/").at(-1)
    return name ? this.description.components.schemas[name] : schema
  }
}
