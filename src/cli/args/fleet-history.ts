import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { CentralHistory } from '../../lookups/central/central-history.js'
import { gatewaysWithHistory } from '../../lookups/central/central-layout.js'
import { RulesHistory, type InForce } from '../../policy/history/rules-history.js'
import { usageError } from '../exit.js'
import { findVersion, openHistory } from './find-version.js'
import { loadSettings, type CommonOptions } from './settings.js'

/** Most gateways that a message lists. */
const MOST_LISTED = 20

/** Options of commands that read the history of this gateway, or of one of a fleet. */
export interface HistoryPlace extends CommonOptions {
  /** Central folder of a fleet. */
  readonly fleet?: string
  /** A gateway of it. */
  readonly gateway?: string
}

/** The history of a gateway of a fleet, as far as it has arrived. @throws InterdictError HISTORY_READ */
export const openFleetHistory = (folder: string, gateway: string): Promise<RulesHistory> =>
  RulesHistory.open(new CentralHistory(folder, gateway))

/** The history that the options name. @throws InterdictError HISTORY_READ, FLEET_FOLDER */
export async function openHistoryAt(place: HistoryPlace): Promise<RulesHistory> {
  const { fleet } = place
  const gateway = gatewayAt(place)
  return fleet === undefined || gateway === undefined
    ? openHistory(await loadSettings(place))
    : openFleetHistory(fleet, gateway)
}

/** The gateway of a fleet that the options name; undefined: without a fleet. @throws InterdictError FLEET_FOLDER */
export function gatewayAt({ fleet, gateway }: HistoryPlace): string | undefined {
  if (fleet === undefined)
    return gateway === undefined ? undefined : usageError('--gateway: give --fleet, too')
  const known = gatewaysOf(fleet)
  const chosen = gateway ?? (known.length === 1 ? known[0]! : undefined)
  if (chosen === undefined) usageError(`--fleet: give --gateway, too: ${listed(known)}`)
  if (!known.includes(chosen))
    usageError(`--gateway: no history of ${chosen} has arrived; expected ${listed(known)}`)
  return chosen
}

export interface FoundVersion {
  /** The history that it is in. */
  readonly history: RulesHistory
  readonly found: InForce
}

/**
 * The versions that arguments mean, as `findVersion`. With `--fleet` but without `--gateway`, the digits of a version
 * are looked for at all gateways.
 *
 * @throws InterdictError HISTORY_READ, FLEET_FOLDER, and as `findVersion`
 */
export async function findVersionsAt(
  place: HistoryPlace,
  texts: readonly string[]
): Promise<readonly FoundVersion[]> {
  const { fleet, gateway } = place
  const isAnywhere = fleet !== undefined && gateway === undefined
  if (!isAnywhere || texts.some(text => text.startsWith('@'))) {
    const history = await openHistoryAt(place)
    return texts.map(text => ({ history, found: findVersion(history, text) }))
  }
  const all: RulesHistory[] = []
  for (const one of gatewaysOf(fleet)) all.push(await openFleetHistory(fleet, one))
  return texts.map(text => findAnywhere(all, text))
}

function findAnywhere(histories: readonly RulesHistory[], text: string): FoundVersion {
  const having = histories.filter(one => one.find(text).length > 0)
  const versions = new Set(having.flatMap(one => one.find(text).map(({ event }) => event.sha256)))
  if (versions.size > 1) throw failure('HISTORY_AMBIGUOUS', text, versions.size)
  const [history] = having
  if (history === undefined) throw failure('HISTORY_NONE', text)
  return { history, found: findVersion(history, text) }
}

/** @throws InterdictError FLEET_FOLDER */
function gatewaysOf(folder: string): readonly string[] {
  let gateways: readonly string[]
  try {
    gateways = gatewaysWithHistory(folder)
  } catch (error) {
    throw failure('FLEET_FOLDER', folder, reasonOf(error, folder))
  }
  if (gateways.length === 0)
    throw failure('FLEET_FOLDER', folder, 'no history of rules has arrived')
  return gateways
}

function listed(gateways: readonly string[]): string {
  const more = gateways.length - MOST_LISTED
  return `${gateways.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` or ${more} more` : ''}`
}
