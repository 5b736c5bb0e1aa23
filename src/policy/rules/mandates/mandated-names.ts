import { showPrefix } from '../../../base/values/address.js'
import { showPattern } from '../model/pattern.js'
import type { RuleSet, Term } from '../model/types.js'
import type { Mandate } from './mandate.js'
import { Targets } from './targets.js'

/** The names of one order of a mandate. Plain data: it is sent to other threads. */
export interface MandatedNames extends Term {
  /** Id of the mandate. */
  readonly mandate: string
  readonly file: string
  /** Names that the mandate itself lists. */
  readonly names: readonly string[]
  /** Ids of its apps. */
  readonly apps: readonly string[]
  /** Names of its apps under these rules. */
  readonly ofApps: readonly string[]
  readonly networks: 'all' | readonly string[]
  readonly prefixes: readonly string[]
}

/** The names that mandates order to be banned, as patterns. */
export function mandatedNames(mandates: readonly Mandate[], rules: RuleSet): MandatedNames[] {
  const targets = new Targets(rules)
  return mandates.flatMap(({ id, position, bans }) =>
    bans.map(ban => {
      const { from, until, networks, prefixes } = ban
      const all = targets.of(ban, {})
      const namesOf = (isApp: boolean): string[] =>
        all
          .filter(({ label }) => label.startsWith('app ') === isApp)
          .flatMap(({ patterns }) => patterns.map(i => showPattern(targets.patterns[i]!)))
      return {
        mandate: id,
        file: position.file,
        names: namesOf(false),
        apps: ban.apps.map(({ value }) => value),
        ofApps: namesOf(true),
        networks: networks === 'all' ? networks : networks.map(({ value }) => value),
        prefixes: prefixes.map(({ value }) => showPrefix(value)),
        ...{ from, until }
      }
    })
  )
}
