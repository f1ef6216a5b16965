// People of the staff, made by the program's own command.

import { run } from "./server.mjs"

/** @typedef {{ email: string, password: string }} Person */

const PASSWORD = "a long password of a test"

/** Somebody new, with an address that nobody else has. @param {string} dataDir @param {string} name @param {string} role @returns {Promise<Person>} */
export async function newPerson(dataDir, name, role) {
  const email = `${name}-${Date.now().toString(36)}@example.com`
  const { code, output } = await run(["admin", "create", email, "--role", role], {
    settings: { data_dir: dataDir },
    input: `${PASSWORD}\n`,
  })
  if (code !== 0) throw new Error(output)
  return { email, password: PASSWORD }
}
