import { showPrefix, type Prefix } from '../../../base/values/address.js'
import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { Octets, Seconds } from '../../../base/units.js'
import type { AtLine } from '../model/yaml-source.js'
import { LineExcerpts } from './line-excerpts.js'
import type { Unsupported, ListSink, ListAction } from './line-reader.js'
import { nameKey, PackedNames, wireLength } from './packed-names.js'
import type { CoverCode } from '../model/types.js'

/** Skipped lines that are reported with their position; further ones are only counted. */
const MAX_REPORTED = 20
/** With more skipped lines than this, and more than this share of all, a file is not a list. */
const MAX_SKIPPED = 100
const MAX_SKIPPED_RATIO = 0.1

/** Most combinations of types, clients and answers in one list. */
const MAX_GROUPS = 1000

/** Valid indicators that block nothing. */
const INACTIVE = ['expired indicators', 'indicators below the minimum confidence'] as const

/** The names of a file that have the same action. */
export interface ActionGroup {
  readonly action: ListAction
  names: PackedNames
  readonly prefixes: AtLine<Prefix>[]
}

/**
 * Collects the content of one list file. Names that are just blocked are only counted: there may be
 * millions, and they can be read from the file again. Everything else is stored.
 */
export class ListCollector implements ListSink {
  /** How many names are just blocked, and their octets in wire form. */
  blockedNames = 0
  blockedOctets: Octets = 0
  readonly blockedPrefixes: AtLine<Prefix>[] = []
  readonly groups = new Map<string, ActionGroup>()
  skippedLines = 0
  /** When the names of a line leave the list, by line; 0: never. */
  expiries = new Uint32Array(0)
  readonly warnings: InterdictError[] = []
  readonly unsupported = new Map<Unsupported, number>()
  private lastSkipped = 0
  /** Groups by the actions that belong to them: equal actions are often the same object. */
  private readonly groupByAction = new WeakMap<ListAction, ActionGroup>()

  private readonly excerpts: LineExcerpts

  /**
   * @param displayName the file's name in messages
   * @param octets its content
   * @param disabledRules receives the keys (see `ruleKey`) of rules that are disabled in all files
   */
  constructor(
    private readonly displayName: string,
    octets: Uint8Array,
    private readonly disabledRules: Set<string>
  ) {
    this.excerpts = new LineExcerpts(octets)
  }

  /** Number of names and addresses, duplicates included. */
  get count(): number {
    const counts = [...this.groups.values()].map(
      ({ names, prefixes }) => names.count + prefixes.length
    )
    return counts.reduce((sum, one) => sum + one, this.blockedNames + this.blockedPrefixes.length)
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  /** Whether it has indicators, but none is in force now. */
  get isInactive(): boolean {
    const { unsupported } = this
    return this.isEmpty && INACTIVE.some(kind => unsupported.has(kind))
  }

  blockName(_octets: Uint8Array, _at: Octets, length: Octets): void {
    this.blockedNames++
    this.blockedOctets += length
  }

  addName(
    action: ListAction,
    name: Uint8Array,
    cover: CoverCode,
    line: number,
    record?: Uint8Array
  ): void {
    this.groupOf(action, line)?.names.add(name, 0, wireLength(name), cover, line, record)
  }

  disable(action: ListAction | undefined, name: Uint8Array, cover: CoverCode): void {
    this.disabledRules.add(ruleKey(action, name, 0, wireLength(name), cover))
  }

  addPrefix(action: ListAction | undefined, value: Prefix, line: number): void {
    const prefixes =
      action === undefined ? this.blockedPrefixes : this.groupOf(action, line)?.prefixes
    prefixes?.push({ value, line })
  }

  skipLine(line: number, column: number, why: string): void {
    if (line !== this.lastSkipped) this.skippedLines++
    this.lastSkipped = line
    if (this.warnings.length === MAX_REPORTED) return
    const position = { file: this.displayName, line, column }
    this.warnings.push(failureAt(position, 'RULES_LIST_LINE', why, this.excerpts.at(line)))
  }

  setExpiry(line: number, until: Seconds): void {
    if (line >= this.expiries.length) {
      const larger = new Uint32Array(2 * line + 1024)
      larger.set(this.expiries)
      this.expiries = larger
    }
    this.expiries[line] = until
  }

  countUnsupported(kind: Unsupported): void {
    this.unsupported.set(kind, (this.unsupported.get(kind) ?? 0) + 1)
  }

  private groupOf(action: ListAction, line: number): ActionGroup | undefined {
    const known = this.groupByAction.get(action)
    if (known !== undefined) return known
    const key = actionKey(action)
    let group = this.groups.get(key)
    if (group === undefined) {
      if (this.groups.size === MAX_GROUPS) {
        this.skipLine(
          line,
          1,
          `more than ${MAX_GROUPS} different combinations of types, clients and answers`
        )
        return undefined
      }
      group = { action, names: new PackedNames(), prefixes: [] }
      this.groups.set(key, group)
    }
    this.groupByAction.set(action, group)
    return group
  }
}

/**
 * Errors if so much of a file was skipped that it is not a list, with the first lines skipped; else
 * none, and the number of skipped lines is added to the warnings.
 */
export function rejection(
  { skippedLines: skipped, warnings }: ListCollector,
  isEmpty: boolean,
  lines: number,
  start: Position
): readonly InterdictError[] {
  if ((skipped > MAX_SKIPPED && skipped > lines * MAX_SKIPPED_RATIO) || (skipped > 0 && isEmpty)) {
    const why = `${skipped} of ${lines} lines are invalid`
    return [failureAt(start, 'RULES_LIST_REFUSED', why), ...warnings]
  }
  if (skipped > warnings.length) {
    warnings.push(failureAt(start, 'RULES_LIST_LINES', skipped, lines))
  }
  return []
}

/** Equal for equal actions. */
function actionKey({ layer, kind, qtypes, prefixes, tlp }: ListAction): string {
  const types = qtypes && `${qtypes.except ? '~' : ''}${qtypes.types.join(',')}`
  const clients = (prefixes ?? []).map(showPrefix).join(',')
  return [layer, kind, types ?? '', clients, ...(tlp === undefined ? [] : [tlp])].join(' ')
}

/** Equal for rules with the same action on the same name; `action` undefined: just blocked. */
export function ruleKey(
  action: ListAction | undefined,
  name: Uint8Array,
  at: Octets,
  length: Octets,
  cover: CoverCode
): string {
  return `${nameKey(name, at, length)}${cover}${action === undefined ? '' : actionKey(action)}`
}
