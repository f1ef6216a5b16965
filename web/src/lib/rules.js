// What the API allows of the members of its requests. The build puts exactly the rules that this page names into a JSON block.

/**
 * Attributes of a control; `values` are all that there are, `many` says that it takes several.
 * @typedef {{ name: string, type?: string, step?: number, min?: number, max?: number, maxlength?: number,
 *             required?: boolean, values?: string[], many?: boolean }} Rule
 */

/** @type {Record<string, Rule>} */
const rules = JSON.parse(document.getElementById("rules")?.textContent || "{}")

/** @param {string} operation "POST /api/views" @param {string} member */
export const rule = (operation, member) => rules[`${operation} ${member}`]
