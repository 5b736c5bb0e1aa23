import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { showName } from '../../../wire/dns/name/name.js'
import { COVER, type NameSource } from '../model/types.js'
import { tooBroad } from '../apps/too-broad.js'

/** Names of a list that a warning shows; further ones are only counted. */
const MAX_LISTED = 3

/**
 * Warns of each list that includes public suffixes or shared infrastructure. Lists are published
 * by others and may intend it, so they are applied unchanged. Used by `interdict check` only: a list of
 * a million names takes a second, too long for a start.
 *
 * @param displayName the name of a file in messages
 */
export function warnAboutSharedNames(
  sources: readonly NameSource[],
  displayName: (file: string) => string
): InterdictError[] {
  const lists = sources.filter(
    ({ kind, part }) => kind === 'list' && part?.effect !== 'pass' && part?.effect !== 'encloser'
  )
  return lists.flatMap(source => {
    const found: { readonly name: string; readonly line: number }[] = []
    source.writeTo({
      name: (octets, at, length, cover, line) => {
        if (cover === COVER.exact) return
        const name = octets.subarray(at, at + length)
        if (tooBroad({ cover: 'suffix', name }) !== undefined) {
          found.push({ name: showName(name), line })
        }
      },
      prefix: () => undefined
    })
    const [first] = found
    if (first === undefined) return []
    const listed = found.slice(0, MAX_LISTED).map(({ name }) => name)
    const names = [...listed, ...(found.length > MAX_LISTED ? ['…'] : [])].join(', ')
    const position = { file: displayName(source.file), line: first.line, column: 1 }
    return [failureAt(position, 'RULES_LIST_SHARED', source.title, found.length, names)]
  })
}
