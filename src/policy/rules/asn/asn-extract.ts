import { createHash } from 'node:crypto'
import { readPrefix, showPrefix, type Prefix } from '../../../base/values/address.js'
import { findAsns } from './asn-database.js'

/** The database of autonomous systems, as far as rules use it. */
export interface AsnFacts {
  /** SHA-256 of the database, hexadecimal. */
  readonly sha256: string
  /** When it was made: RFC 3339. */
  readonly built: string
  /** Numbers of the autonomous systems that rules name. */
  readonly systems: readonly number[]
}

/** What rules need of the database. It is a file of the rules, so the history has it for each version. */
export interface AsnExtract extends AsnFacts {
  readonly prefixes: ReadonlyMap<number, readonly Prefix[]>
}

const HEAD = 'interdict-asns'

/**
 * Takes the prefixes of some autonomous systems out of a database, as text.
 *
 * @throws AsnDatabaseError
 */
export function extractAsns(database: Buffer, systems: readonly number[]): Uint8Array {
  const { built, prefixes } = findAsns(database, systems)
  const sha256 = createHash('sha256').update(database).digest('hex')
  const lines = systems.map(asn => {
    const shown = (prefixes.get(asn) ?? []).map(showPrefix)
    return [asn, ...shown].join(' ')
  })
  const head = [HEAD, sha256, new Date(built).toISOString()].join(' ')
  return Buffer.from(`${[head, ...lines].join('\n')}\n`)
}

/** @throws InterdictError, if `extractAsns` has not written it */
export function readAsnExtract(octets: Uint8Array): AsnExtract {
  const [head = '', ...lines] = Buffer.from(octets).toString('latin1').trimEnd().split('\n')
  const [, sha256 = '', built = ''] = head.split(' ')
  const all = lines.map(line => {
    const [asn, ...prefixes] = line.split(' ')
    return [Number(asn), prefixes.map(readPrefix)] as const
  })
  return { sha256, built, systems: all.map(([asn]) => asn), prefixes: new Map(all) }
}
