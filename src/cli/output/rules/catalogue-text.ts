import { showInstant } from '../../../base/time/instant.js'
import type { CatalogueInForce } from '../../../policy/rules/apps/catalogue-in-force.js'
import { showPattern } from '../../../policy/rules/model/pattern.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import type { AppEntry, AppName } from '../../../policy/rules/schema/app-schema.js'
import { appsOf, type CatalogueContent } from '../../../sources/catalogue/catalogue-content.js'
import { namesInRules } from '../../../sources/catalogue/offered-catalogue.js'
import { formatCount } from '../format.js'
import type { PlannedRules } from './plan-text.js'

/** A name that an update adds, with what its app file says of it. */
export interface AddedEntry {
  readonly name: string
  readonly role: string | null
  readonly confidence: string | null
  readonly firstSeen: string | null
  readonly evidence: readonly string[]
}

/** The names of an app that an update changes. */
export interface AppChanges {
  readonly app: string
  readonly title: string
  readonly added: readonly AddedEntry[]
  readonly removed: readonly string[]
  readonly collateral: readonly string[]
}

/** The catalogue in force; the JSON form is public. */
export interface CatalogueSummary {
  readonly version: string
  readonly serial: number
  readonly sha256: string
  readonly created: string
  readonly expires: string
}

export interface UpdateResult {
  readonly result: 'updated' | 'unchanged' | 'pinned' | 'failed'
  readonly apps: readonly AppChanges[]
  /** When the new names are enforced; null: there are none. */
  readonly enforced: string | null
  readonly inForce: CatalogueSummary | null
  readonly error: { readonly code: string; readonly message: string } | null
}

export function inForceOf(catalogue: CatalogueInForce | undefined): CatalogueSummary | null {
  if (catalogue === undefined) return null
  const { version, serial, sha256, created, expires } = catalogue
  const [from, until] = [created, expires].map(time => showInstant(time, 'UTC'))
  return { version, serial, sha256, created: from!, expires: until! }
}

/** The names that an update adds to apps, and removes from them. */
export function changedNames(
  before: RuleSet,
  { compared }: PlannedRules,
  offered: CatalogueContent
): readonly AppChanges[] {
  const known = namesInRules(before)
  const after = compared === undefined ? undefined : namesInRules(compared.rules.after)
  return [...appsOf(offered)].flatMap(([app, entry]) => {
    const old = known.get(app) ?? new Set<string>()
    const own = new Set(entry.names.map(({ name }) => showPattern(name)))
    const now = after?.get(app) ?? own
    const added = entry.names.filter(({ name }) => !old.has(showPattern(name))).map(entryOf)
    const removed = [...old].filter(name => !now.has(name))
    const { title, collateral = [] } = entry
    return added.length + removed.length === 0 ? [] : [{ app, title, added, removed, collateral }]
  })
}

function entryOf(it: AppEntry['names'][number]): AddedEntry {
  const { role, confidence, evidence = [], 'first-seen': seen }: Partial<AppName> = it
  const name = showPattern(it.name)
  const facts = { role: role ?? null, confidence: confidence ?? null, firstSeen: seen ?? null }
  return { name, ...facts, evidence }
}

export function updateText({ result, apps, enforced, inForce }: UpdateResult): string {
  if (inForce === null) return 'No catalogue is in force.\n'
  const { version, serial, expires } = inForce
  const which = `catalogue ${version} (serial ${serial})`
  if (result === 'unchanged') return `Unchanged: ${which} is in force; it expires ${expires}.\n`
  if (result === 'pinned') return `Pinned: ${which} remains in force.\n`
  const added = apps.reduce((sum, app) => sum + app.added.length, 0)
  const removed = apps.reduce((sum, app) => sum + app.removed.length, 0)
  const counts = `${formatCount(added, 'name')} added, ${removed} removed`
  const last = added === 0 ? '' : `New names are monitored until ${enforced}, then enforced.\n`
  return `Updated to ${which}: ${counts} in ${formatCount(apps.length, 'app')}.\n${last}`
}

/** The names that an update would change, by app. */
export function changesText({
  version,
  serial,
  inForce,
  apps
}: Pick<UpdateResult, 'apps' | 'inForce'> & {
  readonly version: string
  readonly serial: number
}): string {
  const old =
    inForce === null
      ? 'the apps of the rules folder'
      : `${inForce.version} (serial ${inForce.serial})`
  const head = `Catalogue ${version} (serial ${serial}), against ${old}`
  const lines = apps.length === 0 ? ['No names change.'] : apps.flatMap(linesOf)
  return `${[head, ...lines].join('\n')}\n`
}

function linesOf({ app, title, added, removed, collateral }: AppChanges): string[] {
  return [
    `${app} (${title}): ${formatCount(added.length, 'name')} added, ${removed.length} removed`,
    ...added.map(addedLine),
    ...removed.map(name => `  - ${name}`),
    ...(added.length === 0 ? [] : collateral.map(text => `  collateral: ${text}`))
  ]
}

function addedLine({ name, role, confidence, firstSeen, evidence }: AddedEntry): string {
  const facts = [
    role,
    confidence === null ? null : `confidence ${confidence}`,
    firstSeen === null ? null : `first seen ${firstSeen}`,
    evidence.length === 0 ? 'no evidence' : `evidence ${evidence.join(', ')}`
  ]
  return `  + ${name}: ${facts.filter(fact => fact !== null).join('; ')}`
}
