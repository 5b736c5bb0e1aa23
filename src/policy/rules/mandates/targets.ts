import type { Position } from '../../../base/errors/position.js'
import { readPattern, showPattern, type Pattern } from '../model/pattern.js'
import { COVER, type Cover, type NameSource, type RuleSet } from '../model/types.js'
import type { MandatedBan } from './mandate.js'
import { containsPattern, PatternRelations } from './pattern-relations.js'

/** Names of each app under the rules in force, by app. */
export type KnownNames = Readonly<Record<string, readonly string[]>>

/** An app or a name that a mandate orders to be banned. */
export interface Target {
  /** `app tiktok`, `tiktok.com` */
  readonly label: string
  readonly position: Position
  /** Undefined for a name, or for an app that the rules do not have. */
  readonly app: NameSource | undefined
  /** True for an app that the rules do not have, or without any names. */
  readonly isMissing: boolean
  /** Numbers of patterns in `Targets.patterns`. */
  readonly patterns: readonly number[]
  /** Names that the mandate does not cover. */
  readonly except: readonly Pattern[]
}

const COVERS = Object.keys(COVER) as Cover[]

/** The apps and names that mandates order to be banned, as patterns to compare with the sources of rules. */
export class Targets {
  readonly patterns: Pattern[] = []
  private readonly numbers = new Map<string, number>()
  private readonly apps: ReadonlyMap<string, NameSource>
  private compared: PatternRelations | undefined

  constructor(rules: RuleSet) {
    // What else an app has is not mandated: names that are only monitored yet, and those of the site itself.
    const apps = rules.sources.filter(({ kind, part }) => kind === 'app' && part === undefined)
    this.apps = new Map(apps.map(source => [source.id, source]))
  }

  /** @param known names that were removed from an app are mandated as well */
  of({ apps, names, except }: MandatedBan, known: KnownNames): Target[] {
    const isWanted = (pattern: Pattern): boolean =>
      !except.some(one => containsPattern(one, pattern))
    const numbered = (all: readonly Pattern[]): number[] => [
      ...new Set(all.filter(isWanted).map(pattern => this.numberOf(pattern)))
    ]
    const ofApps = apps.map(({ value: id, position }): Target => {
      const app = this.apps.get(id)
      const own = app === undefined ? [] : patternsOf(app)
      const lost = (known[id] ?? []).flatMap(text => readPattern(text) ?? [])
      const isMissing = app === undefined || (own.length === 0 && !hasAddresses(app))
      const patterns = numbered([...own, ...lost])
      return { label: `app ${id}`, position, app, isMissing, patterns, except }
    })
    const ofNames = names.map(({ value, position }): Target => {
      const label = showPattern(value)
      const patterns = numbered([value])
      return { label, position, app: undefined, isMissing: false, patterns, except }
    })
    return [...ofApps, ...ofNames]
  }

  /** The names of an app under these rules. */
  namesOf(app: string): readonly string[] {
    const source = this.apps.get(app)
    return source === undefined ? [] : patternsOf(source).map(showPattern)
  }

  /** Relations to the patterns of all targets; use it only after all targets were added. */
  get relations(): PatternRelations {
    return (this.compared ??= new PatternRelations(this.patterns))
  }

  private numberOf(pattern: Pattern): number {
    const text = showPattern(pattern)
    let number = this.numbers.get(text)
    if (number === undefined) this.numbers.set(text, (number = this.patterns.push(pattern) - 1))
    return number
  }
}

function patternsOf(source: NameSource): Pattern[] {
  const patterns: Pattern[] = []
  source.writeTo({
    name: (octets, at, length, cover) =>
      void patterns.push({ cover: COVERS[cover]!, name: octets.slice(at, at + length) }),
    prefix: () => undefined
  })
  return patterns
}

export function hasAddresses(source: NameSource): boolean {
  let found = false
  source.writeTo({ name: () => undefined, prefix: () => void (found = true) })
  return found
}
