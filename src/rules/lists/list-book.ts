import { showPrefix, type Prefix } from '../../base/address.js'
import { failureAt, type InterdictError } from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Octets } from '../../base/units.js'
import type { AtLine } from '../model/yaml-source.js'
import type { Inapplicable, LineSink, Saying } from './list-reader.js'
import { nameKey, PackedNames, wireLength } from './packed-names.js'

/** So many bad lines are reported each with its place; the others are counted. */
const REPORTED = 20
/** More bad lines than this, and more than this part of all, and it is another kind of file. */
const MAX_BAD = 100
const MAX_BAD_PART = 0.1

/** So many different things a list may say: of types, clients and answers. */
const MAX_SAYINGS = 1000

/** All names of which a file says the same. */
export interface Said {
  readonly saying: Saying
  names: PackedNames
  readonly prefixes: AtLine<Prefix>[]
}

/**
 * What one file of a list says. Names that it simply blocks are only counted: a million of them are
 * the normal case, and they can be read again. The rest is kept.
 */
export class FileBook implements LineSink {
  /** Of the names that it simply blocks. */
  names = 0
  octets: Octets = 0
  readonly prefixes: AtLine<Prefix>[] = []
  readonly said = new Map<string, Said>()
  /** Lines in which something is bad. */
  badLines = 0
  readonly warnings: InterdictError[] = []
  readonly inapplicables = new Map<Inapplicable, number>()
  private lastBad = 0
  /** What was said last: mostly, lines say what the lines before them did. */
  private last: Said | undefined

  /**
   * @param shown the file's name in messages
   * @param retracted gets what rules of the whole list are void: see `retractionKey`
   */
  constructor(
    private readonly shown: string,
    private readonly retracted: Set<string>
  ) {}

  /** How many names and addresses it speaks of, repeated ones counted again. */
  get count(): number {
    const said = [...this.said.values()].map(({ names, prefixes }) => names.names + prefixes.length)
    return said.reduce((sum, one) => sum + one, this.names + this.prefixes.length)
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  name(_octets: Uint8Array, _at: Octets, length: Octets): void {
    this.names++
    this.octets += length
  }

  say(saying: Saying, name: Uint8Array, cover: number, line: number, record?: Uint8Array): void {
    this.saidBy(saying, line)?.names.add(name, 0, wireLength(name), cover, line, record)
  }

  retract(saying: Saying | undefined, name: Uint8Array, cover: number): void {
    this.retracted.add(retractionKey(saying, name, 0, wireLength(name), cover))
  }

  prefix(saying: Saying | undefined, value: Prefix, line: number): void {
    const prefixes = saying === undefined ? this.prefixes : this.saidBy(saying, line)?.prefixes
    prefixes?.push({ value, line })
  }

  bad(line: number, column: number, why: string): void {
    if (line !== this.lastBad) this.badLines++
    this.lastBad = line
    if (this.warnings.length === REPORTED) return
    const position = { file: this.shown, line, column }
    this.warnings.push(failureAt(position, 'RULES_LIST_LINE', why))
  }

  inapplicable(kind: Inapplicable): void {
    this.inapplicables.set(kind, (this.inapplicables.get(kind) ?? 0) + 1)
  }

  private saidBy(saying: Saying, line: number): Said | undefined {
    if (this.last?.saying === saying) return this.last
    const key = sayingKey(saying)
    let said = this.said.get(key)
    if (said === undefined) {
      if (this.said.size === MAX_SAYINGS) {
        this.bad(line, 1, `a list says at most ${MAX_SAYINGS} different things`)
        return undefined
      }
      said = { saying, names: new PackedNames(), prefixes: [] }
      this.said.set(key, said)
    }
    return (this.last = said)
  }
}

/** Why a file is refused whole, with its first bad lines; or nothing, and some of them are told. */
export function refusal(
  { badLines, warnings }: FileBook,
  isEmpty: boolean,
  lines: number,
  start: Position
): readonly InterdictError[] {
  if ((badLines > MAX_BAD && badLines > lines * MAX_BAD_PART) || (badLines > 0 && isEmpty)) {
    const why = `${badLines} of ${lines} lines are invalid`
    return [failureAt(start, 'RULES_LIST_REFUSED', why), ...warnings]
  }
  if (badLines > warnings.length) {
    warnings.push(failureAt(start, 'RULES_LIST_LINES', badLines, lines))
  }
  return []
}

/** Equal for sayings that say the same. */
function sayingKey({ layer, says, qtypes, prefixes }: Saying): string {
  const types = qtypes && `${qtypes.except ? '~' : ''}${qtypes.types.join(',')}`
  return [layer, says, types ?? '', (prefixes ?? []).map(showPrefix).join(',')].join(' ')
}

/** Equal for rules that say the same of the same name. */
export function retractionKey(
  saying: Saying | undefined,
  name: Uint8Array,
  at: Octets,
  length: Octets,
  cover: number
): string {
  return `${nameKey(name, at, length)}${cover}${saying === undefined ? '' : sayingKey(saying)}`
}
