import type { SnapshotChanges } from '../../policy/compile/compare.js'

/** Ids that are named; of more, the number is given. */
const NAMED = 3

/** What a new snapshot changes, in one line: `ban tiktok added; 12 names added`. '': nothing that counts. */
export function changeSummary({ names, networks, rules, sources }: SnapshotChanges): string {
  const parts = [
    ...idParts('network', { ...networks, changed: [] }),
    ...idParts('rule', rules),
    ...idParts('source', sources),
    ...(names.added > 0 ? [`${countOf(names.added, 'name')} added`] : []),
    ...(names.removed > 0 ? [`${countOf(names.removed, 'name')} removed`] : [])
  ]
  return parts.join('; ')
}

function idParts(kind: string, changes: SnapshotChanges['rules']): string[] {
  return (['added', 'removed', 'changed'] as const).flatMap(how => {
    const ids = changes[how]
    if (ids.length === 0) return []
    const what =
      ids.length > NAMED
        ? countOf(ids.length, kind)
        : `${kind}${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`
    return [`${what} ${how}`]
  })
}

const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
