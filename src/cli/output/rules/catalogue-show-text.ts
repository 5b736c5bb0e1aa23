import { showInstant } from '../../../base/time/instant.js'
import type { Seconds } from '../../../base/units.js'
import type { CatalogueInForce } from '../../../policy/rules/apps/catalogue-in-force.js'
import type { CatalogueSummary } from './catalogue-text.js'

/** An accepted catalogue; the JSON form is public. */
export interface AcceptedCatalogue {
  /** Null: its keys are no longer trusted, or its file cannot be read. */
  readonly version: string | null
  readonly serial: number
  readonly accepted: string
  readonly expires: string
  readonly inForce: boolean
}

/** A new name. */
interface MonitoredName {
  readonly app: string
  readonly name: string
  readonly added: string
  readonly enforced: string
}

interface ShownCatalogue {
  readonly url: string
  readonly inForce: CatalogueSummary | null
  readonly expired: boolean
  readonly pinned: string | null
  readonly monitored: readonly MonitoredName[]
  readonly accepted: readonly AcceptedCatalogue[]
  readonly tried: string | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** New names that are not enforced yet. */
export function monitoredNames(
  catalogue: CatalogueInForce | undefined,
  now: Seconds
): readonly MonitoredName[] {
  return Object.entries(catalogue?.added ?? {}).flatMap(([app, names]) =>
    Object.entries(names).flatMap(([name, { added, enforced }]) => {
      const [at, from] = [added, enforced].map(time => showInstant(time, 'UTC'))
      return enforced > now ? [{ app, name, added: at!, enforced: from! }] : []
    })
  )
}

export function showText(shown: ShownCatalogue): string {
  const { url, inForce, expired, pinned, monitored, accepted, tried, error } = shown
  const current =
    inForce === null
      ? 'none: the apps are those of the rules folder'
      : `${inForce.version} (serial ${inForce.serial}), ${expired ? 'expired' : 'expires'} ${inForce.expires}`
  const failed = error === null ? '' : `: ${error.message} (${error.code})`
  const last = tried === null ? 'never' : `${tried}${error === null ? ', successful' : failed}`
  const lines = [
    `in force     ${current}`,
    ...(inForce === null ? [] : [`SHA-256      ${inForce.sha256}`]),
    `from         ${url}`,
    `last update  ${last}`,
    ...(pinned === null ? [] : [`pinned       ${pinned}`]),
    ...(monitored.length === 0 ? [] : ['new names, monitored until they are enforced:']),
    ...monitored.map(({ app, name, enforced }) => `  ${app} ${name}: enforced from ${enforced}`),
    ...(accepted.length === 0 ? [] : ['accepted here; * is in force:']),
    ...accepted.map(acceptedLine)
  ]
  return `${lines.join('\n')}\n`
}

function acceptedLine(accepted: AcceptedCatalogue): string {
  const { version, serial, accepted: at, expires, inForce } = accepted
  const shown = version ?? 'unreadable, or no longer trusted'
  return `${inForce ? '*' : ' '} ${serial} ${shown}, accepted ${at}, expires ${expires}`
}
