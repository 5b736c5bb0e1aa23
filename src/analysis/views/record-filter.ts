import { containsPrefix } from '../../base/values/address.js'
import { readName } from '../../wire/dns/name/name.js'
import { VERDICT } from '../../lookups/event/query-event.js'
import type { QueryRecord } from '../../lookups/event/schema.js'
import { covers, readPattern } from '../../policy/rules/model/pattern.js'
import { parsePrefix } from './parse-prefix.js'

/** Conditions on lookups: all must hold, each for any of its values. */
export interface FilterOptions {
  readonly network?: readonly string[] | undefined
  readonly app?: readonly string[] | undefined
  readonly ban?: readonly string[] | undefined
  readonly client?: readonly string[] | undefined
  readonly name?: readonly string[] | undefined
  readonly verdict?: readonly string[] | undefined
}

export type Filter = (record: QueryRecord) => boolean

const DEFAULT_VERDICTS = ['blocked', 'monitored']
const ALL = 'all'

/** Reports what is wrong with the value of an option. */
export type ParseOption = <T>(option: string, parse: () => T) => T

/** Parses the conditions. @param parse is called for each that may be invalid */
export function parseFilter(options: FilterOptions, parse: ParseOption): Filter {
  const { network, app, ban, client, name, verdict = DEFAULT_VERDICTS } = options
  const verdicts = verdict.map(text => parseVerdict(text, parse))
  const tests: readonly (Filter | undefined)[] = [
    verdicts.includes(ALL) ? undefined : record => verdicts.includes(record.verdict),
    network && (record => network.includes(record.network ?? '')),
    app && (record => app.includes(record.app ?? '')),
    ban && (record => ban.includes(record.ban ?? '')),
    client && anyOf(client.map(clientTest)),
    name && anyOf(name.map(text => nameTest(text, parse)))
  ]
  const conditions = tests.filter(test => test !== undefined)
  return record => conditions.every(test => test(record))
}

function parseVerdict(text: string, parse: ParseOption): string {
  const accepted = [...Object.keys(VERDICT), ALL]
  return parse('--verdict', () => {
    if (accepted.includes(text)) return text
    throw new Error(`${text} is not one of ${accepted.join(', ')}`)
  })
}

function anyOf(tests: readonly Filter[]): Filter {
  return record => tests.some(test => test(record))
}

/** An address or prefix, a pseudonym as the log has it, or the name of a device or of a group of them. */
function clientTest(text: string): Filter {
  const outer = parsePrefix(text)
  return ({ client, device }) => {
    if (client === text || device === text || device?.startsWith(`${text}/`) === true) return true
    if (outer === undefined || client === undefined) return false
    const inner = parsePrefix(client)
    return inner !== undefined && containsPrefix(outer, inner)
  }
}

/** A name pattern as rules write it: `name` for itself and all below it, `=name`, `*.name`. */
function nameTest(text: string, parse: ParseOption): Filter {
  const pattern = parse('--name', () => {
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
