import {
  readAddress,
  showAddress,
  showPrefix,
  type Address,
  type Prefix
} from '../../base/values/address.js'
import { failure, InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import { type PeriodKey, periodsIn, readKey } from '../../lookups/privacy/key-folder.js'
import { endOf, startOf } from '../../lookups/privacy/key-period.js'
import { pseudonymsOf } from '../../lookups/privacy/pseudonyms-of.js'
import type { Log } from '../../analysis/report/log.js'
import {
  conditionOf,
  type ClientAlias,
  type ClientSelection,
  type Selection
} from '../../analysis/report/questions/selection.js'
import { sourceOf } from '../../analysis/report/questions/lookup-source.js'
import { formatCount } from '../output/format.js'
import { parsePrefix } from '../../base/values/parse-prefix.js'
import { loadSettings, type CommonOptions } from './settings.js'

const ADDRESS: Octets = 16
const ADDRESS_BITS = 8 * ADDRESS

/** The names under which the log has some clients, and remarks for the report. */
export interface FoundClients {
  readonly clients: ClientSelection
  readonly remarks: readonly string[]
}

/**
 * Finds the names under which a client may appear in the log: its address, its truncated prefix as
 * the settings have it, and its pseudonym under each key that is kept. For a prefix: all clients in
 * the log whose address or prefix lies within it. Any other text is taken as it stands in the log.
 */
export async function findClientNames(
  log: Log,
  text: string,
  selection: Selection,
  options: CommonOptions
): Promise<FoundClients> {
  const prefix = parsePrefix(text)
  if (prefix === undefined) return namedClients(log, text, selection)
  if (prefix.length < ADDRESS_BITS) return clientsWithin(text, prefix)
  return oneClient(log, readAddress(showAddress(prefix.address)), selection, options)
}

/** A recognized client, a group of them, or a pseudonym. */
async function namedClients(log: Log, text: string, selection: Selection): Promise<FoundClients> {
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const rows = await log.rows<{ client: string }>(
    `SELECT DISTINCT client FROM ${from} WHERE starts_with(client, $group) AND ${sql}`,
    { ...parameters, group: `${text}/` }
  )
  const names = [text, ...rows.map(({ client }) => client)]
  return { clients: { shown: text, aliases: [{ names }] }, remarks: [] }
}

function clientsWithin(text: string, prefix: Prefix): FoundClients {
  const shown = showPrefix(prefix)
  const remark = `Clients logged under a pseudonym, or not logged, cannot be found by a prefix (${shown}).`
  return { clients: { shown, aliases: [], within: text }, remarks: [remark] }
}

async function oneClient(
  log: Log,
  address: Address,
  selection: Selection,
  options: CommonOptions
): Promise<FoundClients> {
  const { privacy } = (await loadSettings(options)).log.queries
  const own = showAddress(address)
  const cut = showPrefix(prefixAround(address, privacy.bits))
  const { pseudonyms, remarks } = pseudonymsIn(address, privacy.keys.folder, selection)
  const aliases: ClientAlias[] = [{ names: [own, cut] }, ...pseudonyms]
  const many = pseudonyms.length
  const shown =
    many === 0 ? own : `${own}, and its ${formatCount(many, 'pseudonym')} (one per day or month)`
  const shared = await countOf(log, {
    ...selection,
    clients: { shown, aliases: [{ names: [cut] }] }
  })
  const ofOthers = `${formatCount(shared, 'lookup')} ${shared === 1 ? 'is' : 'are'} logged with the prefix ${cut} only: from this client or another in it.`
  return {
    clients: { shown, aliases },
    remarks: shared === 0 ? remarks : [...remarks, ofOthers]
  }
}

/** Both kinds of pseudonym under each key: the settings may have changed since. */
function pseudonymsIn(
  address: Address,
  folder: string,
  { since = -Infinity, until = Infinity }: Selection
): { readonly pseudonyms: readonly ClientAlias[]; readonly remarks: readonly string[] } {
  try {
    const found = pseudonymsOf(address, readPseudonymKeys(folder), { since, until })
    const pseudonyms = found.map(({ period, plain, prefixPreserving }) => {
      return { names: [plain, prefixPreserving], since: startOf(period), until: endOf(period) }
    })
    return { pseudonyms, remarks: [] }
  } catch (error) {
    // Analysts may have access to the log but, on purpose, not to the keys.
    if (!(error instanceof InterdictError)) throw error
    return { pseudonyms: [], remarks: [`Pseudonyms not searched: ${error.message}.`] }
  }
}

function prefixAround(
  address: Address,
  bits: { readonly ipv4: number; readonly ipv6: number }
): Prefix {
  const mapped = ADDRESS_BITS - 32
  const isIpv4 = !showAddress(address).includes(':')
  const length = isIpv4 ? mapped + bits.ipv4 : bits.ipv6
  const cut = address.map((octet, i) => {
    const left = Math.min(8, Math.max(0, length - 8 * i))
    return octet & (0xff << (8 - left))
  })
  return { address: cut, length }
}

async function countOf(log: Log, selection: Selection): Promise<number> {
  const { sql, parameters } = conditionOf(selection)
  const [row] = await log.rows<{ lookups: number }>(
    `SELECT count(*) AS lookups FROM ${log.lookups(selection)} WHERE ${sql}`,
    parameters
  )
  return row?.lookups ?? 0
}

/** All keys that are kept; none without the folder. @throws InterdictError PRIVACY_KEY */
export function readPseudonymKeys(folder: string): readonly PeriodKey[] {
  let periods: string[]
  try {
    periods = periodsIn(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw failure('PRIVACY_KEY', folder, reasonOf(error))
  }
  return periods.flatMap(period => readKey(folder, period) ?? [])
}
