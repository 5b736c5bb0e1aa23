import type { SnapshotChanges } from '../../policy/diff/compare.js'

/** What has changed, without all that has not. */
export function showChanges(changes: SnapshotChanges): Record<string, object> {
  const isSomething = ([, value]: [string, unknown]): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== 0
  const entries = Object.entries(changes).map(([what, how]: [string, object]) => {
    return [what, Object.fromEntries(Object.entries(how).filter(isSomething))] as const
  })
  return Object.fromEntries(entries.filter(([, how]) => Object.keys(how).length > 0))
}
