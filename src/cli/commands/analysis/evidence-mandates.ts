import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { InterdictError } from '../../../base/errors/error.js'
import type { EvidenceMandate } from '../../../analysis/evidence/mandate-findings.js'
import type { Gateway } from '../../../analysis/evidence/rule-versions.js'
import { mandatesFolder } from '../../../gateway/compiler/rules-location.js'
import type { Config } from '../../../gateway/config/config.js'
import { readMandate } from '../../../policy/rules/mandates/read-mandate.js'
import { CentralHistory, newestState } from '../../../lookups/central/central-history.js'
import { historyFiles } from '../../../lookups/central/central-layout.js'
import { statePath } from '../../../lookups/central/history-layout.js'
import { Segment } from '../../../policy/history/segment.js'
import { MandateStore, type StoredMandate } from '../../../sources/mandates/mandate-store.js'
import { parseSentMandates } from '../../../sources/mandates/sent-mandates.js'

/** The mandates that were in force at this gateway, and why others are not at hand. */
export interface KeptMandates {
  readonly mandates: readonly EvidenceMandate[]
  readonly remarks: readonly string[]
}

/** The mandates of each gateway of a pack. @param fleet the central folder */
export async function mandatesOf(
  config: Config,
  fleet: string | undefined,
  gateways: readonly Gateway[]
): Promise<readonly (KeptMandates & { readonly gateway: Gateway })[]> {
  const all: (KeptMandates & { readonly gateway: Gateway })[] = []
  for (const gateway of gateways) {
    const isOwn = fleet === undefined || gateway === undefined
    const kept = isOwn ? keptMandates(config) : await arrivedMandates(fleet, gateway)
    all.push({ gateway, ...kept })
  }
  return all
}

/** Reads every issue of a mandate that a gateway of a fleet has accepted, as far as it has arrived. */
async function arrivedMandates(folder: string, gateway: string): Promise<KeptMandates> {
  const newest = newestState(historyFiles(folder, gateway), 'mandates')
  if (newest === undefined) return { mandates: [], remarks: [] }
  const path = statePath(gateway, newest)
  const arrived = parseSentMandates(readFileSync(join(folder, path), 'utf8'))
  if (arrived === undefined)
    return { mandates: [], remarks: [`${path} is damaged: its mandates are not known`] }
  const contents = new CentralHistory(folder, gateway)
  const mandates: EvidenceMandate[] = []
  const remarks: string[] = []
  for (const { file, ...stored } of arrived.mandates) {
    const octets = file === null ? undefined : await contents.content(new Segment(), file)
    const read = octets && readMandate(octets, stored.id, undefined, stored.accepted)
    const isDropped = !arrived.ordered && stored.replaced === null
    if (read?.ok === true && read.mandate.sha256 === stored.sha256)
      mandates.push({ mandate: read.mandate, stored, octets: octets!, isDropped })
    else
      remarks.push(
        `mandate ${stored.id} of ${gateway}: its text is not here, or not what was accepted`
      )
  }
  return { mandates, remarks }
}

/** Reads every issue of a mandate that the gateway has accepted. */
function keptMandates({ state, mandates: ordered }: Config): KeptMandates {
  const store = new MandateStore(mandatesFolder(state.folder))
  const mandates: EvidenceMandate[] = []
  const remarks: string[] = []
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      if (!(error instanceof InterdictError)) throw error
      remarks.push(error.message)
      return undefined
    }
  }
  const isDropped = ({ replaced }: StoredMandate): boolean =>
    ordered === undefined && replaced === null
  for (const stored of attempt(() => store.read()) ?? []) {
    const octets = attempt(() => store.octetsOf(stored))
    if (octets === undefined) continue
    const path = store.pathOf(stored.sha256)
    const read = readMandate(octets, path, undefined, stored.accepted)
    if (read.ok && read.mandate.sha256 === stored.sha256)
      mandates.push({ mandate: read.mandate, stored, octets, isDropped: isDropped(stored) })
    else remarks.push(`mandate ${stored.id}: ${path} is not what was accepted`)
  }
  return { mandates, remarks }
}
