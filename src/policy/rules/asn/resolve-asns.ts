import { failureAt, type InterdictError } from '../../../base/errors/error.js'
import { MS_PER_DAY, type Milliseconds } from '../../../base/units.js'
import { readAsnExtract, type AsnFacts } from './asn-extract.js'
import type { AsnRegistry } from './asn-prefixes.js'

/** Databases are published at least each week. */
const OLD: Milliseconds = 60 * MS_PER_DAY

interface AsnFiles {
  readAsns(
    systems: readonly number[]
  ): Promise<{ readonly octets: Uint8Array } | { readonly why: string }>
}

interface Resolved {
  /** Undefined: the rules name none, or there is an error. */
  readonly facts: AsnFacts | undefined
  readonly errors: readonly InterdictError[]
  readonly warnings: readonly InterdictError[]
}

/** Gives all autonomous systems that rules name their prefixes, by the database that the settings name. */
export async function resolveAsns(
  { uses }: AsnRegistry,
  files: AsnFiles,
  now: Milliseconds
): Promise<Resolved> {
  const [first] = uses
  if (first === undefined) return { facts: undefined, errors: [], warnings: [] }
  const read = await files.readAsns(uses.map(({ system }) => system.asn))
  if ('why' in read) {
    const errors = uses.map(({ position, path, system }) =>
      failureAt(position, 'RULES_ASN_DATABASE', path, system.asn, read.why)
    )
    return { facts: undefined, errors, warnings: [] }
  }
  const { prefixes, ...facts } = readAsnExtract(read.octets)
  const warnings: InterdictError[] = []
  for (const { system, position, path } of uses) {
    system.prefixes = prefixes.get(system.asn) ?? []
    if (system.prefixes.length === 0)
      warnings.push(failureAt(position, 'RULES_ASN_EMPTY', path, system.asn))
  }
  if (now - Date.parse(facts.built) > OLD) {
    const { position, path } = first
    warnings.push(failureAt(position, 'RULES_ASN_OLD', path, facts.built.slice(0, 10)))
  }
  return { facts, errors: [], warnings }
}
