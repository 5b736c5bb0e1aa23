import type { Milliseconds } from '../../base/units.js'
import type { BanFacts } from '../report/questions/ban.js'
import type { EnforcementTally } from './enforcement-tally.js'
import type { Enforcement } from './enforcement.js'

/** What lookups of the log are known, since `log.queries.which` selects them. */
export interface Completeness {
  /** Lookups whatever the verdict are logged since then; Infinity: they are not. */
  readonly since: Milliseconds
  /** Why, for the page. */
  readonly text: string
}

/** Everything that tables are made of. */
export interface Judged {
  readonly enforcement: Enforcement
  readonly tally: EnforcementTally
  /** The rules as they are when the pack is made. */
  readonly facts: BanFacts | undefined
  readonly completeness: Completeness
  readonly timeZone: string
}
