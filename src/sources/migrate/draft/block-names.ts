import { InterdictError } from '../../../base/errors/error.js'
import { tooBroad } from '../../../policy/rules/apps/too-broad.js'
import { readPattern } from '../../../policy/rules/model/pattern.js'
import type { Migration, NetworkDraft } from './migration.js'
import { withoutDot } from './drafted-records.js'

/** Names that the other server blocks, by what clients get. Many of them, so they become lists. */
export class BlockedNames {
  private readonly names = new Map<string, string[]>()
  private readonly rules = new Map<string, string[]>()

  constructor(
    private readonly migration: Migration,
    private readonly network: NetworkDraft,
    /** Begins the ids of the lists. */
    private readonly listName: string
  ) {}

  /**
   * Adds a name with all below it, `=name` or `*.name`.
   *
   * @param action undefined: that of the rules
   * @returns why it cannot be blocked; undefined: it is
   */
  add(text: string, action?: string): string | undefined {
    const pattern = withoutDot(text)
    const why = patternFault(pattern)
    if (why !== undefined) return why
    if (pattern.startsWith('=') || isTooBroad(pattern)) this.addRule(pattern, action)
    else {
      const key = action ?? ''
      const names = this.names.get(key)
      if (names === undefined) this.names.set(key, [pattern])
      else names.push(pattern)
    }
    return undefined
  }

  /** Writes the lists, once everything has been added. */
  finish(): void {
    for (const [action, names] of this.names) {
      const content = `${[...new Set(names)].join('\n')}\n`
      const name = action === '' ? this.listName : `${this.listName}-${action}`
      const list = this.migration.addListFile(name, content, 'domains')
      this.network.block.push({ lists: [list], ...(action !== '' && { action }) })
    }
  }

  /** What a list cannot have: one rule for all of an action. */
  private addRule(pattern: string, action: string | undefined): void {
    const isBroad = isTooBroad(pattern)
    const key = `${action ?? ''} ${isBroad}`
    let names = this.rules.get(key)
    if (names === undefined) {
      names = []
      this.rules.set(key, names)
      this.network.block.push({
        names,
        ...(action !== undefined && { action }),
        ...(isBroad && { force: `Was blocked by ${this.migration.server}` })
      })
    }
    if (!names.includes(pattern)) names.push(pattern)
  }
}

/** Why a text is not a pattern of rules; undefined: it is one. */
export function patternFault(text: string): string | undefined {
  try {
    const pattern = readPattern(text)
    if (pattern === undefined) return `${text} is not a domain name`
    return pattern.name.length > 1 ? undefined : 'the root would block everything'
  } catch (error) {
    if (error instanceof InterdictError) return error.message
    throw error
  }
}

function isTooBroad(text: string): boolean {
  const pattern = readPattern(text)
  return pattern !== undefined && tooBroad(pattern) !== undefined
}
