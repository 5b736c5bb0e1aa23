import { containsPrefix } from '../../base/values/address.js'
import { parsePrefix } from '../../base/values/parse-prefix.js'
import { readName } from '../../wire/dns/name/name.js'
import { readRrtype } from '../../wire/dns/registry/rrtype.js'
import { VERDICT } from '../../lookups/event/query-event.js'
import type { QueryRecord } from '../../lookups/event/schema.js'
import { canonicalValue } from '../../lookups/sql/filter-condition.js'
import {
  DNSSEC_VERDICTS,
  FILTER_COLUMNS,
  LOOKUP_FILTERS,
  TRANSPORTS,
  type LookupFilter,
  type LookupFilters
} from '../../lookups/sql/lookup-filters.js'
import { covers, readPattern, type Pattern } from '../../policy/rules/model/pattern.js'

export type Filter = (record: QueryRecord) => boolean

const DEFAULT_VERDICTS = ['blocked', 'monitored']
const ALL = 'all'

/** Reports what is wrong with the value of an option. */
export type ParseOption = <T>(option: string, parse: () => T) => T

/** Parses the conditions; they select the same lookups as `filterConditions`. @param parse is called for each that may be invalid */
export function parseFilter(options: LookupFilters, parse: ParseOption): Filter {
  checkFilters(options, parse)
  const { verdict = DEFAULT_VERDICTS } = options
  const given = { ...options, verdict: verdict.includes(ALL) ? undefined : verdict }
  const conditions = LOOKUP_FILTERS.flatMap(filter => {
    const values = given[filter]
    return values === undefined ? [] : [anyOf(values.map(value => testOf(filter, value)))]
  })
  return record => conditions.every(test => test(record))
}

/** Checks the values of filters. @param parse is called for each that may be invalid */
export function checkFilters(options: LookupFilters, parse: ParseOption): void {
  for (const filter of LOOKUP_FILTERS)
    for (const text of options[filter] ?? []) parse(`--${filter}`, () => checkValue(filter, text))
}

/** Verdicts that filters accept. */
export const VERDICT_FILTERS: readonly string[] = [...Object.keys(VERDICT), ALL]

function checkValue(filter: LookupFilter, text: string): void {
  if (filter === 'name') patternOf(text)
  if (filter === 'type' && readRrtype(text) === undefined)
    throw new Error(`${text} is not a query type such as AAAA or TYPE65280`)
  const words = {
    verdict: VERDICT_FILTERS,
    dnssec: DNSSEC_VERDICTS as readonly string[],
    transport: TRANSPORTS as readonly string[]
  }
  const accepted = filter in words ? words[filter as keyof typeof words] : undefined
  if (accepted?.includes(canonicalValue(filter, text)) === false)
    throw new Error(`${text} is not one of ${accepted.join(', ')}`)
}

function anyOf(tests: readonly Filter[]): Filter {
  return record => tests.some(test => test(record))
}

function testOf(filter: LookupFilter, text: string): Filter {
  if (filter === 'client') return clientTest(text)
  if (filter === 'device') return deviceTest(text)
  if (filter === 'name') return nameTest(text)
  const value = canonicalValue(filter, text)
  const field = FILTER_COLUMNS[filter]
  return record => record[field] === value
}

/** The name of a device, or of a group of them. */
function deviceTest(text: string): Filter {
  return ({ device }) => device === text || device?.startsWith(`${text}/`) === true
}

/** An address or prefix, a pseudonym as the log has it, or the name of a device or of a group of them. */
function clientTest(text: string): Filter {
  const outer = parsePrefix(text)
  const isDevice = deviceTest(text)
  return record => {
    const { client } = record
    if (client === text || isDevice(record)) return true
    if (outer === undefined || client === undefined) return false
    const inner = parsePrefix(client)
    return inner !== undefined && containsPrefix(outer, inner)
  }
}

/** A name pattern as rules write it: `name` for itself and all below it, `=name`, `*.name`. */
function patternOf(text: string): Pattern {
  const read = readPattern(text)
  if (read === undefined) throw new Error(`${text} is not a domain name, =name or *.name`)
  return read
}

function nameTest(text: string): Filter {
  const pattern = patternOf(text)
  return ({ qname }) => {
    try {
      return covers(pattern.cover, pattern.name, readName(qname))
    } catch {
      return false
    }
  }
}
