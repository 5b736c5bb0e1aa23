import { MS_PER_DAY, type Milliseconds, type Octets } from '../base/units.js'
import { showCanonical, showName } from '../dns/name/name.js'
import { COVER, type Ban, type NameSource } from '../rules/model/types.js'

/** A name that can be asked for, and where it is from. */
export interface BanName {
  readonly text: string
  readonly source: NameSource
}

/** Names of one list that may be asked; the rest of a longer list is like them. */
const MOST_NAMES = 10_000
/** The golden ratio: multiples of it are spread evenly, in whatever order the names of an app are written. */
const SPREAD = 0.618_034

/** The names of a ban, of which each round asks the main ones of its apps, and some of the others in turn. */
export class BanNames {
  private readonly main: readonly BanName[]
  private readonly others: readonly BanName[]
  /** Others in a round. */
  private readonly share: number
  private readonly step: number

  /**
   * @param least names in a round, if there are so many
   * @param every interval of the rounds, so that each name is asked within a day; undefined: there is one round
   */
  constructor({ sources }: Pick<Ban, 'sources'>, least: number, every: Milliseconds | undefined) {
    const all = sources.flatMap(namesOf)
    this.main = all.filter(({ isMain }) => isMain)
    this.others = all.filter(({ isMain }) => !isMain)
    const { length } = this.others
    const perDay = every === undefined ? 0 : Math.ceil((length * every) / MS_PER_DAY)
    this.share = Math.min(length, Math.max(1, least - this.main.length, perDay))
    this.step = stepOf(length)
  }

  /** Names of a round. @param round rounds are counted from 0 */
  ofRound(round: number): readonly BanName[] {
    const { main, others, share, step } = this
    const { length } = others
    const turn = Array.from({ length: share }, (_, i) => {
      return others[(((round * share + i) % length) * step) % length]!
    })
    return [...main, ...turn]
  }
}

/** A step by which every place of `length` has its turn, and the next few are far apart. */
function stepOf(length: number): number {
  let step = Math.max(1, Math.round(length * SPREAD))
  while (gcd(step, length) > 1) step++
  return step
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** Names that a source covers; below a wildcard, one that an app might ask for. */
function namesOf(source: NameSource): (BanName & { readonly isMain: boolean })[] {
  const found: (BanName & { isMain: boolean })[] = []
  const { part, main } = source
  // What a list passes, or has for some clients or types only, does not count as a name of the ban.
  if (part !== undefined && (typeof part.effect === 'object' || part.effect !== 'rule')) return []
  source.writeTo({
    name: (octets: Uint8Array, at: Octets, length: Octets, cover: number, line: number) => {
      if (found.length >= MOST_NAMES || length <= 1) return
      const name = showCanonical(showName(octets.subarray(at, at + length)))
      const text = cover === COVER.below ? `probe.${name}` : name
      found.push({ text, source, isMain: main?.includes(line) === true })
    },
    prefix: () => undefined
  })
  return found
}
