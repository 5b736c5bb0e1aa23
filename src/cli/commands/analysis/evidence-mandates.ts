import { InterdictError } from '../../../base/errors/error.js'
import type { EvidenceMandate } from '../../../analysis/evidence/mandate-findings.js'
import { mandatesFolder } from '../../../gateway/compiler/rules-location.js'
import type { Config } from '../../../gateway/config/config.js'
import { readMandate } from '../../../policy/rules/mandates/read-mandate.js'
import { MandateStore, type StoredMandate } from '../../../sources/mandates/mandate-store.js'

/** The mandates that were in force at this gateway, and why others are not at hand. */
export interface KeptMandates {
  readonly mandates: readonly EvidenceMandate[]
  readonly remarks: readonly string[]
}

/** Reads every issue of a mandate that the gateway has accepted. */
export function keptMandates({ state, mandates: ordered }: Config): KeptMandates {
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
