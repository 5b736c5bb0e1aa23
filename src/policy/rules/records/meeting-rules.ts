import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { showPosition } from '../../../base/errors/position.js'
import { showName } from '../../../wire/dns/name/name.js'
import type { CoverCode, NameSource, NetworkRules, Rule } from '../model/types.js'
import { COVER, isPassPart } from '../model/types.js'
import {
  isWildcard,
  keyOf,
  parentOf,
  type RecordOwner,
  type RecordOwners
} from './record-owners.js'

/** So many warnings about records of one network are enough to know what to do. */
const MAX_WARNINGS = 20

/** The records of a network, by the rule that they make. */
export interface WrittenRecords {
  readonly rule: Rule
  readonly owners: RecordOwners
  /** The files of its sources as messages show them, by index. */
  readonly displayNames: readonly string[]
}

/**
 * Warns where a ban or block of a network covers a local record: a ban beats it, and it beats a block. Each pair is
 * reported once, however many networks have it.
 */
export function warnAboutMeetings(
  networks: readonly NetworkRules[],
  written: readonly WrittenRecords[],
  warnings: InterdictError[]
): void {
  const seen = new Set<string>()
  for (const { rule, owners, displayNames } of written) {
    const index = new OwnerIndex(owners)
    const found = networks
      .filter(network => network.rules.includes(rule))
      .flatMap(network => meetingsOf(index, network.rules))
    const distinct = found.filter(({ owner, rule: other }) => {
      const key = `${rule.id} ${other.id} ${keyOf(owner.name)}`
      return !seen.has(key) && seen.add(key)
    })
    for (const { owner, rule: other } of distinct.slice(0, MAX_WARNINGS)) {
      const { source, line, column } = owner
      const position = { file: displayNames[source]!, line, column }
      const code = other.kind === 'ban' ? 'RULES_RECORD_BANNED' : 'RULES_RECORD_BLOCKED'
      const at = showPosition(other.position)
      warnings.push(failureAt(position, code, showName(owner.name), other.id, at))
    }
  }
}

interface Meeting {
  readonly owner: RecordOwner
  readonly rule: Rule
}

function meetingsOf(index: OwnerIndex, rules: readonly Rule[]): Meeting[] {
  const coveredBy = (kind: Rule['kind']): Meeting[] =>
    rules
      .filter(rule => rule.kind === kind && !('mode' in rule && rule.mode === 'monitor'))
      .flatMap(rule => index.coveredBy(rule.sources).map(owner => ({ owner, rule })))
  const lifted = new Set(coveredBy('exception').map(({ owner }) => owner))
  const bans = coveredBy('ban').filter(({ owner }) => !lifted.has(owner))
  const banned = new Set(bans.map(({ owner }) => owner))
  return [...bans, ...coveredBy('block').filter(({ owner }) => !banned.has(owner))]
}

/** Finds the owners that the names of a source cover: a list of millions is read once, without any string of most names. */
class OwnerIndex {
  /** Owners by each name at or above them. */
  private readonly owners = new Map<string, RecordOwner[]>()
  private readonly lengths = new Set<number>()

  constructor(owners: RecordOwners) {
    for (const owner of owners.all()) {
      const start = isWildcard(owner.name) ? parentOf(owner.name)! : owner.name
      for (let at: Uint8Array | undefined = start; at !== undefined; at = parentOf(at)) {
        this.lengths.add(at.length)
        const key = keyOf(at)
        const known = this.owners.get(key)
        if (known === undefined) this.owners.set(key, [owner])
        else known.push(owner)
      }
    }
  }

  coveredBy(sources: readonly NameSource[]): RecordOwner[] {
    const passed = new Set(sources.filter(isPassPart).flatMap(source => this.inSource(source)))
    const others = sources.filter(
      source => !isPassPart(source) && source.part?.effect !== 'encloser'
    )
    const found = new Set(others.flatMap(source => this.inSource(source)))
    return [...found].filter(owner => !passed.has(owner))
  }

  private inSource(source: NameSource): RecordOwner[] {
    const found: RecordOwner[] = []
    // A prefix matches no name, and a policy for clients is about all names.
    if (source.part?.prefixes !== undefined) return found
    source.writeTo({
      name: (octets, at, length, cover) => {
        if (this.lengths.has(length)) found.push(...this.covered(octets, at, length, cover))
      },
      prefix: () => undefined
    })
    return found
  }

  private covered(
    octets: Uint8Array,
    at: number,
    length: number,
    cover: CoverCode
  ): readonly RecordOwner[] {
    const below = this.owners.get(keyOf(octets.subarray(at, at + length))) ?? []
    if (cover === COVER.suffix) return below
    return below.filter(({ name }) => (name.length === length) === (cover === COVER.exact))
  }
}
