/**
 * What lookups can be filtered by, with the column of the log: the one list for commands, the HTTP API, reports and the
 * dashboard. This module imports nothing, for the start of commands and for browsers.
 */
export const FILTER_COLUMNS = {
  client: 'client',
  device: 'device',
  network: 'network',
  app: 'app',
  list: 'list',
  ban: 'ban',
  verdict: 'verdict',
  dnssec: 'dnssec',
  transport: 'protocol',
  name: 'qname',
  type: 'qtype'
} as const

export type LookupFilter = keyof typeof FILTER_COLUMNS
export const LOOKUP_FILTERS = Object.keys(FILTER_COLUMNS) as readonly LookupFilter[]

/** Conditions on lookups: all must hold, each for any of its values. */
export type LookupFilters = Readonly<Partial<Record<LookupFilter, readonly string[] | undefined>>>

/** Filters whose values a user types; a description of each, for help and schemas. */
export const FILTER_TEXTS: Readonly<Record<LookupFilter, string>> = {
  client: 'clients: addresses, prefixes, pseudonyms, or names of devices',
  device: 'devices: names of clients in the rules, or of groups of them',
  network: 'networks, by id',
  app: 'apps, by id',
  list: 'lists, by id',
  ban: 'bans, by id',
  verdict: 'verdicts',
  dnssec: 'verdicts of DNSSEC validation: secure, insecure, bogus, indeterminate',
  transport: 'transports: udp, tcp, dot, doh',
  name: 'names: name with all below it, =name, *.name',
  type: 'query types, such as AAAA or TYPE65280'
}

/** Whether a filter by verdict finds lookups of the gateway itself, which are otherwise left out. */
export function includesOwn(verdicts: readonly string[] | undefined): boolean {
  return verdicts?.some(one => one === 'probe' || one === 'observed') === true
}

/** Values of `dnssec`. */
export const DNSSEC_VERDICTS = ['secure', 'insecure', 'bogus', 'indeterminate'] as const
/** Values of `transport`. */
export const TRANSPORTS = ['udp', 'tcp', 'dot', 'doh'] as const
