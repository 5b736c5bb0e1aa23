import { reasonOf } from '../../../base/errors/reason.js'
import { readBoundedFileSync } from '../../../base/files/bounded-file.js'
import type { Milliseconds } from '../../../base/units.js'
import { parseInventory, type FleetInventory } from '../../../analysis/evidence/fleet-inventory.js'
import type { FleetGateway } from '../../../analysis/evidence/fleet-tables.js'
import { dayRanges, unloggedDays } from '../../../analysis/evidence/unlogged-days.js'
import { formatValue } from '../../../analysis/report/output/format-value.js'
import type { Fact } from '../../../analysis/report/report.js'
import { listCentral } from '../../../lookups/central/central-files.js'
import type { GatewayVerification } from '../../../lookups/central/verify-fleet.js'
import type { Day } from '../../../lookups/files/log-layout.js'
import { usageError } from '../../exit.js'
import { formatCount } from '../../output/format.js'
import { fleetVerification, type VerifyFleetOptions } from '../log/verify-fleet.js'

/** An inventory has about 500 bytes for each gateway. */
const MAX_INVENTORY = 64 * 1024 * 1024
/** Ranges of days, and gateways, that a text names. */
const NAMED = 20

/** Without the inventory of the hub, a gateway that never sent anything may be missing. */
export const NO_INVENTORY =
  'The inventory of the hub was not given (--inventory). A gateway that has sent no log and has no public key in the folder of keys is not in this pack, and nothing is known of it.'

/** Reads what `interdict fleet status --gateways --json` printed. */
export function readInventory(file: string): FleetInventory {
  try {
    return parseInventory(readBoundedFileSync(file, MAX_INVENTORY).toString())
  } catch (error) {
    const why = reasonOf(error, file)
    usageError(
      `--inventory: ${file} is not the output of "interdict fleet status --gateways --json": ${why}`
    )
  }
}

/** The gateways of a pack over a fleet, each with what is not known of it. */
export async function fleetGateways(
  options: VerifyFleetOptions,
  inventory: FleetInventory | undefined,
  period: { readonly since: Milliseconds; readonly until: Milliseconds },
  timeZone: string
): Promise<FleetGateway[]> {
  const { fleet } = options
  const results = await fleetVerification(options, keyed =>
    inventory === undefined ? keyed : [...inventory.gateways.keys()]
  )
  const logged = loggedDays(fleet, results)
  return results.map(verification => {
    const { gateway, proven, began, lastDay } = verification
    const days = logged.get(gateway) ?? new Set<Day>()
    const isChained = proven && began !== undefined && lastDay !== undefined
    const chained = isChained ? { from: began.slice(0, 10), to: lastDay } : undefined
    const unlogged = unloggedDays(period, days, chained)
    const reported = reportedText(inventory, gateway, timeZone)
    const isUnknown = unlogged.length === unloggedDays(period, new Set(), undefined).length
    const log = logText(verification, days, unlogged, isUnknown)
    return {
      ...{ verification, reported, unlogged, isUnknown },
      why: log === undefined ? null : [log, reported].filter(one => one !== null).join('; ')
    }
  })
}

/** Days of which lookups of each gateway are here; those of altered files are not. */
function loggedDays(
  folder: string,
  results: readonly GatewayVerification[]
): ReadonlyMap<string, ReadonlySet<Day>> {
  const altered = results.flatMap(({ breaks }) =>
    breaks.filter(({ kind }) => kind === 'altered').map(({ at }) => at)
  )
  const days = new Map<string, Set<Day>>()
  for (const { gateway, day } of listCentral(folder, new Set(altered)).parquet) {
    const own = days.get(gateway) ?? new Set()
    days.set(gateway, own.add(day))
  }
  return days
}

function logText(
  { lines, gaps }: GatewayVerification,
  days: ReadonlySet<Day>,
  unlogged: readonly Day[],
  isUnknown: boolean
): string | undefined {
  if (unlogged.length > 0) {
    if (days.size === 0 && lines === 0) return 'nothing of its log has arrived'
    return `no central log for ${isUnknown ? 'any day of the period' : dayRanges(unlogged, NAMED)}`
  }
  return gaps.length === 0 ? undefined : `${formatCount(gaps.length, 'file')} of its log not here`
}

/** What the hub knows of a gateway; null: no inventory was given. */
function reportedText(
  inventory: FleetInventory | undefined,
  gateway: string,
  timeZone: string
): string | null {
  if (inventory === undefined) return null
  const found = inventory.gateways.get(gateway)
  if (found === undefined) return 'not in the inventory'
  const { state, contact } = found
  if (contact === null) return 'no report since the hub started'
  const at = formatValue(new Date(contact), 'time', timeZone)
  return state === 'silent' ? `silent since ${at}` : `last report ${at}`
}

/** The gateways of which something is not known, in words. */
export function unknownFacts(gateways: readonly FleetGateway[]): readonly Fact[] {
  const found = gateways.filter(({ why }) => why !== null)
  if (found.length === 0) return []
  const unknown = found.filter(({ isUnknown }) => isUnknown).length
  const more = found.length - NAMED
  return [
    [
      'Not known of gateways',
      `of ${unknown} of ${formatCount(gateways.length, 'gateway')}, nothing is known in the period`,
      ...found.slice(0, NAMED).map(({ verification, why }) => `${verification.gateway}: ${why}`),
      ...(more > 0 ? [`and ${more} more: see Gateways`] : [])
    ]
  ]
}
