import { addressWords, readPrefix, type Prefix } from '../../base/address.js'
import { readName } from '../../dns/name/name.js'
import { VERDICT } from '../../querylog/record/query-event.js'
import type { QueryRecord } from '../../querylog/record/schema.js'
import { covers, readPattern } from '../../rules/model/pattern.js'
import { given } from '../args/given.js'

/** What `interdict tail` is to show; of each kind, one of those given is enough. */
export interface FilterOptions {
  readonly network?: readonly string[]
  readonly app?: readonly string[]
  readonly ban?: readonly string[]
  readonly client?: readonly string[]
  readonly name?: readonly string[]
  readonly verdict?: readonly string[]
}

export type Filter = (record: QueryRecord) => boolean

/** What is being blocked, or would be. */
const USUAL = ['blocked', 'monitored']
const ALL = 'all'

/** Where what was given makes no sense, says so and ends the process. */
export function readFilter(options: FilterOptions): Filter {
  const { network, app, ban, client, name, verdict = USUAL } = options
  const verdicts = verdict.map(readVerdict)
  const tests: readonly (Filter | undefined)[] = [
    verdicts.includes(ALL) ? undefined : record => verdicts.includes(record.verdict),
    network && (record => network.includes(record.network ?? '')),
    app && (record => app.includes(record.app ?? '')),
    ban && (record => ban.includes(record.ban ?? '')),
    client && anyOf(client.map(clientTest)),
    name && anyOf(name.map(nameTest))
  ]
  const asked = tests.filter(test => test !== undefined)
  return record => asked.every(test => test(record))
}

function readVerdict(text: string): string {
  const words = [...Object.keys(VERDICT), ALL]
  return given('--verdict', () => {
    if (words.includes(text)) return text
    throw new Error(`${text} is none of ${words.join(', ')}`)
  })
}

function anyOf(tests: readonly Filter[]): Filter {
  return record => tests.some(test => test(record))
}

/** An address or prefix, or whatever stands in its place in the log. */
function clientTest(text: string): Filter {
  const wanted = prefixOf(text)
  return ({ client }) => {
    if (client === text) return true
    if (wanted === undefined || client === undefined) return false
    const is = prefixOf(client)
    return is !== undefined && contains(wanted, is)
  }
}

/** Undefined: it is neither an address nor a prefix. */
export function prefixOf(text: string): Prefix | undefined {
  try {
    return readPrefix(text)
  } catch {
    return undefined
  }
}

export function contains(outer: Prefix, inner: Prefix): boolean {
  if (inner.length < outer.length) return false
  const [a, b] = [addressWords(outer.address), addressWords(inner.address)]
  return a.every((word, i) => {
    const bits = Math.min(32, Math.max(0, outer.length - 32 * i))
    // A shift by 32 would be one by 0.
    return bits === 0 || (word ^ b[i]!) >>> (32 - bits) === 0
  })
}

/** A name as rules have it: itself and all below it, `=name`, `*.name`. */
function nameTest(text: string): Filter {
  const pattern = given('--name', () => {
    const read = readPattern(text)
    if (read === undefined) throw new Error(`${text} is not a domain name, =name or *.name`)
    return read
  })
  return ({ qname }) => {
    try {
      return covers(pattern.cover, pattern.name, readName(qname))
    } catch {
      return false
    }
  }
}
