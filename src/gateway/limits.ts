import { randomInt } from 'node:crypto'
import type { Prefix } from '../base/address.js'
import type { Config } from '../config/config.js'
import { compilePrefixes, PrefixTable } from '../network/prefix-table.js'
import { ConnectionLimit } from '../server/connection-limit.js'
import { QueryLimit, type Prefixes } from '../server/query-limit.js'

/** The limits of one thread, which its listeners share; undefined where the settings have none. */
export interface Limits {
  readonly queryLimit: QueryLimit | undefined
  readonly connectionLimit: ConnectionLimit
}

export function openLimits({ limits, tcp }: Pick<Config, 'limits' | 'tcp'>): Limits {
  const { queriesPerSecond, burst, slip, bits } = limits
  const terms = { bits, slip, exempt: prefixesOf(limits.exempt) }
  return {
    queryLimit:
      queriesPerSecond === 0
        ? undefined
        : new QueryLimit({ perSecond: queriesPerSecond, burst }, terms, randomWord()),
    connectionLimit: new ConnectionLimit(tcp.maxConnectionsPerClient, terms)
  }
}

/** A table that says 1 for what is in one of the prefixes. */
function prefixesOf(prefixes: readonly Prefix[]): Prefixes | undefined {
  if (prefixes.length === 0) return undefined
  return new PrefixTable(compilePrefixes(prefixes, covering => (covering.length > 0 ? 1 : 0)))
}

/** 32 bits. */
function randomWord(): number {
  return randomInt(2 ** 32)
}
