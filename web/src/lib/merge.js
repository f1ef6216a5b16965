// Fields that two people edit at once: what differs, what contradicts, and what stays.

/** @typedef {Record<string, string>} Values what stands in the fields, by name */

/** The fields that are no longer as they were read. @param {Values} read @param {Values} values */
export function differences(read, values) {
  return Object.keys(values).filter(name => values[name] !== read[name])
}

/** The fields that both have changed, and not to the same. @param {Values} read @param {Values} theirs @param {Values} mine */
export function conflicts(read, theirs, mine) {
  return differences(read, mine).filter(name => theirs[name] !== read[name] && theirs[name] !== mine[name])
}

/**
 * Theirs with what I have changed; of contradictions theirs where `takesTheirs` says so.
 * @param {Values} read @param {Values} theirs @param {Values} mine @param {(name: string) => boolean} takesTheirs
 */
export function merged(read, theirs, mine, takesTheirs) {
  const kept = differences(read, mine).filter(name => !takesTheirs(name))
  return { ...theirs, ...Object.fromEntries(kept.map(name => [name, mine[name]])) }
}
