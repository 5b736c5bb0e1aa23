import { MS_PER_DAY, type Milliseconds, type Octets } from '../../base/units.js'
import { MAX_NAME } from '../../wire/dns/name/hashed-name.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { COVER, type Ban, type NameSource, type CoverCode } from '../../policy/rules/model/types.js'

/** A name that is asked for. */
export interface AskedName {
  readonly text: string
  /** Wire form. */
  readonly name: Uint8Array
}

/** A name of a ban, and where it is from. */
interface BanName extends AskedName {
  readonly source: NameSource
  readonly isMain: boolean
}

/** Names of one list that may be asked; the rest of a longer list is like them. */
const MOST_NAMES = 10_000
/** The golden ratio: multiples of it are spread evenly, in whatever order the names of an app are written. */
const SPREAD = 0.618_034
/** The label `probe`, in wire form. */
const BELOW = Buffer.from('\x05probe', 'latin1')

/** The names of a ban, of which each round asks the main ones of its apps, and some of the others in turn. */
export class BanNames {
  /** How many names of each source can be asked. */
  readonly counts: ReadonlyMap<NameSource, number>
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
    const bySource = sources.map(source => [source, namesOf(source)] as const)
    const all = bySource.flatMap(([, names]) => names)
    this.counts = new Map(bySource.map(([source, { length }]) => [source, length]))
    this.main = all.filter(({ isMain }) => isMain)
    this.others = all.filter(({ isMain }) => !isMain)
    const { length } = this.others
    const perDay = every === undefined ? 0 : Math.ceil((length * every) / MS_PER_DAY)
    this.share = Math.min(length, Math.max(1, least - this.main.length, perDay))
    this.step = stepOf(length)
  }

  get isEmpty(): boolean {
    return this.main.length + this.others.length === 0
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
export function namesOf(source: NameSource): BanName[] {
  const found: BanName[] = []
  const { part, main } = source
  // What a list passes, or has for some clients or types only, does not count as a name of the ban.
  if (part !== undefined && part.effect !== 'rule') return []
  source.writeTo({
    name: (octets: Uint8Array, at: Octets, length: Octets, cover: CoverCode, line: number) => {
      if (found.length >= MOST_NAMES || length <= 1) return
      const owner = Uint8Array.from(octets.subarray(at, at + length))
      const name = cover === COVER.below ? Uint8Array.of(...BELOW, ...owner) : owner
      if (name.length > MAX_NAME) return
      const text = showCanonical(showName(name))
      found.push({ text, name, source, isMain: main?.includes(line) === true })
    },
    prefix: () => undefined
  })
  return found
}
