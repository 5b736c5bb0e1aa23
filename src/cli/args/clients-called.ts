import {
  readAddress,
  showAddress,
  showPrefix,
  type Address,
  type Prefix
} from '../../base/address.js'
import { InterdictError } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import { endOf, startOf } from '../../querylog/privacy/period.js'
import { pseudonymsOf } from '../../querylog/privacy/pseudonyms-of.js'
import type { Log } from '../../report/log.js'
import { sourceOf } from '../../report/questions/source.js'
import {
  conditionOf,
  type ClientAlias,
  type ClientSelection,
  type Selection
} from '../../report/questions/selection.js'
import { keysIn } from '../commands/pseudonym.js'
import { contains, prefixOf } from '../commands/tail-filter.js'
import { count } from '../output/show.js'
import { settings, type CommonOptions } from './settings.js'

const ADDRESS: Octets = 16
const WHOLE = 8 * ADDRESS

/** The names of a client, or of some, and what a reader must know of them. */
export interface FoundClients {
  readonly clients: ClientSelection
  readonly remarks: readonly string[]
}

/**
 * What a client may be called in the log: its address, its prefix as the settings cut it, and its pseudonym
 * by each key that is kept. Of a prefix, the clients that stand in the log with an address or prefix
 * within it. What is neither stands in the log as it is.
 */
export async function clientsCalled(
  log: Log,
  text: string,
  selection: Selection,
  options: CommonOptions
): Promise<FoundClients> {
  const prefix = prefixOf(text)
  if (prefix === undefined)
    return { clients: { shown: text, aliases: [{ names: [text] }] }, remarks: [] }
  if (prefix.length < WHOLE) return within(log, prefix, selection)
  return oneClient(log, readAddress(showAddress(prefix.address)), selection, options)
}

async function within(log: Log, prefix: Prefix, selection: Selection): Promise<FoundClients> {
  const { from, sql, parameters } = sourceOf(log, selection, 'client')
  const rows = await log.rows<{ client: string }>(
    `SELECT DISTINCT client FROM ${from} WHERE client IS NOT NULL AND ${sql}`,
    parameters
  )
  const names = rows
    .map(({ client }) => client)
    .filter(client => {
      const is = prefixOf(client)
      return is !== undefined && contains(prefix, is)
    })
  const shown = showPrefix(prefix)
  const remark = `Clients that the log has by a pseudonym or not at all cannot be found by a prefix (${shown}).`
  return { clients: { shown, aliases: [{ names }] }, remarks: [remark] }
}

async function oneClient(
  log: Log,
  address: Address,
  selection: Selection,
  options: CommonOptions
): Promise<FoundClients> {
  const { privacy } = (await settings(options)).log.queries
  const own = showAddress(address)
  const cut = showPrefix(prefixAround(address, privacy.bits))
  const { pseudonyms, remarks } = pseudonymsIn(address, privacy.keys.folder, selection)
  const called: ClientAlias[] = [{ names: [own, cut] }, ...pseudonyms]
  const many = pseudonyms.length
  const shown =
    many === 0 ? own : `${own}, and its ${count(many, 'pseudonym')} of as many days or months`
  const shared = await countOf(log, {
    ...selection,
    clients: { shown, aliases: [{ names: [cut] }] }
  })
  const ofOthers = `${count(shared, 'lookup')} stand in the log with the prefix ${cut} alone: by this client or another of it.`
  return {
    clients: { shown, aliases: called },
    remarks: shared === 0 ? remarks : [...remarks, ofOthers]
  }
}

/** Both ways of each key: the settings may have been others at that time. */
function pseudonymsIn(
  address: Address,
  folder: string,
  { since = -Infinity, until = Infinity }: Selection
): { readonly pseudonyms: readonly ClientAlias[]; readonly remarks: readonly string[] } {
  try {
    const found = pseudonymsOf(address, keysIn(folder), { since, until })
    const pseudonyms = found.map(({ period, plain, prefixPreserving }) => {
      return { names: [plain, prefixPreserving], since: startOf(period), until: endOf(period) }
    })
    return { pseudonyms, remarks: [] }
  } catch (error) {
    // An analyst may read the log and not the keys, on purpose.
    if (!(error instanceof InterdictError)) throw error
    return { pseudonyms: [], remarks: [`Pseudonyms were not looked for: ${error.message}.`] }
  }
}

function prefixAround(
  address: Address,
  bits: { readonly ipv4: number; readonly ipv6: number }
): Prefix {
  const mapped = WHOLE - 32
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
    `SELECT count(*) AS lookups FROM lookups WHERE ${sql}`,
    parameters
  )
  return row?.lookups ?? 0
}
