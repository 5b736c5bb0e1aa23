import { showPrefix, type Prefix } from '../../base/address.js'
import { failureAt, type InterdictError } from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Octets } from '../../base/units.js'
import type { AtLine } from '../model/yaml-source.js'
import type { Unsupported, ListSink, ListAction } from './line-reader.js'
import { nameKey, PackedNames, wireLength } from './packed-names.js'

/** So many bad lines are reported each with its place; the others are counted. */
const MAX_REPORTED = 20
/** More bad lines than this, and more than this part of all, and it is another kind of file. */
const MAX_SKIPPED = 100
const MAX_SKIPPED_RATIO = 0.1

/** So many different things a list may say: of types, clients and answers. */
const MAX_GROUPS = 1000

/** All names of which a file says the same. */
export interface ActionGroup {
  readonly action: ListAction
  names: PackedNames
  readonly prefixes: AtLine<Prefix>[]
}

/**
 * What one file of a list says. Names that it simply blocks are only counted: a million of them are
 * the normal case, and they can be read again. The rest is kept.
 */
export class ListCollector implements ListSink {
  /** Of the names that it simply blocks. */
  names = 0
  octets: Octets = 0
  readonly prefixes: AtLine<Prefix>[] = []
  readonly groups = new Map<string, ActionGroup>()
  /** Lines in which something is bad. */
  skippedLines = 0
  readonly warnings: InterdictError[] = []
  readonly unsupported = new Map<Unsupported, number>()
  private lastSkipped = 0
  /** What was said last: mostly, lines say what the lines before them did. */
  private lastGroup: ActionGroup | undefined

  /**
   * @param displayName the file's name in messages
   * @param disabledRules gets what rules of the whole list are void: see `retractionKey`
   */
  constructor(
    private readonly displayName: string,
    private readonly disabledRules: Set<string>
  ) {}

  /** How many names and addresses it speaks of, repeated ones counted again. */
  get count(): number {
    const said = [...this.groups.values()].map(
      ({ names, prefixes }) => names.count + prefixes.length
    )
    return said.reduce((sum, one) => sum + one, this.names + this.prefixes.length)
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  blockName(_octets: Uint8Array, _at: Octets, length: Octets): void {
    this.names++
    this.octets += length
  }

  addName(
    saying: ListAction,
    name: Uint8Array,
    cover: number,
    line: number,
    record?: Uint8Array
  ): void {
    this.groupOf(saying, line)?.names.add(name, 0, wireLength(name), cover, line, record)
  }

  disable(saying: ListAction | undefined, name: Uint8Array, cover: number): void {
    this.disabledRules.add(ruleKey(saying, name, 0, wireLength(name), cover))
  }

  addPrefix(saying: ListAction | undefined, value: Prefix, line: number): void {
    const prefixes = saying === undefined ? this.prefixes : this.groupOf(saying, line)?.prefixes
    prefixes?.push({ value, line })
  }

  skipLine(line: number, column: number, why: string): void {
    if (line !== this.lastSkipped) this.skippedLines++
    this.lastSkipped = line
    if (this.warnings.length === MAX_REPORTED) return
    const position = { file: this.displayName, line, column }
    this.warnings.push(failureAt(position, 'RULES_LIST_LINE', why))
  }

  countUnsupported(kind: Unsupported): void {
    this.unsupported.set(kind, (this.unsupported.get(kind) ?? 0) + 1)
  }

  private groupOf(saying: ListAction, line: number): ActionGroup | undefined {
    if (this.lastGroup?.action === saying) return this.lastGroup
    const key = actionKey(saying)
    let said = this.groups.get(key)
    if (said === undefined) {
      if (this.groups.size === MAX_GROUPS) {
        this.skipLine(line, 1, `a list says at most ${MAX_GROUPS} different things`)
        return undefined
      }
      said = { action: saying, names: new PackedNames(), prefixes: [] }
      this.groups.set(key, said)
    }
    return (this.lastGroup = said)
  }
}

/** Why a file is refused whole, with its first bad lines; or nothing, and some of them are told. */
export function rejection(
  { skippedLines: badLines, warnings }: ListCollector,
  isEmpty: boolean,
  lines: number,
  start: Position
): readonly InterdictError[] {
  if (
    (badLines > MAX_SKIPPED && badLines > lines * MAX_SKIPPED_RATIO) ||
    (badLines > 0 && isEmpty)
  ) {
    const why = `${badLines} of ${lines} lines are invalid`
    return [failureAt(start, 'RULES_LIST_REFUSED', why), ...warnings]
  }
  if (badLines > warnings.length) {
    warnings.push(failureAt(start, 'RULES_LIST_LINES', badLines, lines))
  }
  return []
}

/** Equal for sayings that say the same. */
function actionKey({ layer, action: says, qtypes, prefixes }: ListAction): string {
  const types = qtypes && `${qtypes.except ? '~' : ''}${qtypes.types.join(',')}`
  return [layer, says, types ?? '', (prefixes ?? []).map(showPrefix).join(',')].join(' ')
}

/** Equal for rules that say the same of the same name. */
export function ruleKey(
  saying: ListAction | undefined,
  name: Uint8Array,
  at: Octets,
  length: Octets,
  cover: number
): string {
  return `${nameKey(name, at, length)}${cover}${saying === undefined ? '' : actionKey(saying)}`
}
