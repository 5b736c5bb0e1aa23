import { showPrefix } from '../../base/values/address.js'
import type { Seconds } from '../../base/units.js'
import type { CatalogueApp } from '../../policy/rules/apps/catalogue.js'
import type { SharedZone } from '../../policy/rules/apps/shared-zones.js'
import { showPattern } from '../../policy/rules/model/pattern.js'
import type { RuleSet } from '../../policy/rules/model/types.js'
import type { AppEntry } from '../../policy/rules/schema/app-schema.js'
import { showInstant } from '../../base/time/instant.js'
import type { NameMatch } from './app-search.js'

/** A name of an app, as `interdict apps` shows it. */
export interface NameView {
  /** As rules write it: `=name`, `*.name`, `name`. */
  readonly name: string
  readonly line: number
  readonly role: string | null
  readonly confidence: string | null
  readonly firstSeen: string | null
  readonly evidence: readonly string[]
  readonly note: string | null
  readonly force: string | null
}

/** A ban of an app that is in force. */
export interface BanView {
  readonly network: string
  readonly id: string
  readonly mode: 'enforce' | 'monitor'
  readonly action: string
  readonly from: string | null
  readonly until: string | null
  /** `rules/networks.yaml:12` */
  readonly rule: string
}

/** An app; the JSON form of `interdict apps` is public. */
export interface AppView {
  readonly app: string
  readonly title: string
  readonly kind: AppEntry['kind']
  readonly vendor: string | null
  readonly country: string | null
  readonly successor: string | null
  readonly description: string | null
  readonly file: string
  readonly pairsWith: readonly string[]
  readonly collateral: readonly string[]
  readonly names: readonly NameView[]
  readonly sharedNames: readonly { readonly name: string; readonly note: string | null }[]
  readonly addresses: readonly string[]
  /** Bans in force now, inherited ones (`extends`) included. */
  readonly bans: readonly BanView[]
}

/** A domain name that was searched for. */
export interface SearchedName {
  readonly name: string
  /** Names that cover it, with their apps. */
  readonly claims: readonly (NameView & { readonly app: string })[]
  /** The shared infrastructure around it: the zone, and who operates it. */
  readonly shared: SharedZone | null
  readonly isPublicSuffix: boolean
}

/** The result of `interdict apps`. */
export interface Listing {
  readonly apps: readonly AppView[]
  readonly name?: SearchedName
}

/** @param apps views of the apps that were found */
export function searchedName(found: NameMatch, apps: readonly AppView[]): SearchedName {
  const { name, claims, shared, isPublicSuffix } = found
  const byId = new Map(apps.map(app => [app.app, app]))
  return {
    name,
    claims: claims.map(({ app, index }) => {
      const { app: id, names } = byId.get(app.entry.app)!
      return { app: id, ...names[index]! }
    }),
    shared: shared ?? null,
    isPublicSuffix
  }
}

export function appView(
  { entry, file, lineOf }: CatalogueApp,
  rules: RuleSet,
  now: Seconds
): AppView {
  const { app, title, kind, vendor, country, successor, description, collateral } = entry
  return {
    app,
    title,
    kind,
    vendor: vendor ?? null,
    country: country ?? null,
    successor: successor ?? null,
    description: description ?? null,
    file,
    pairsWith: entry['pairs-with'],
    collateral: collateral ?? [],
    names: entry.names.map((name, i) => nameView(name, lineOf(i))),
    sharedNames: entry['shared-names'].map(it => {
      return { name: showPattern(it.name), note: ('note' in it ? it.note : undefined) ?? null }
    }),
    addresses: entry.addresses.map(it => ('asn' in it ? `AS${it.asn}` : showPrefix(it))),
    bans: bansOf(app, file.slice(0, -`apps/${app}.yaml`.length), rules, now)
  }
}

type Name = AppEntry['names'][number]

function nameView(it: Name, line: number): NameView {
  const facts: Partial<Extract<Name, { note?: unknown }>> = it
  return {
    name: showPattern(it.name),
    line,
    role: facts.role ?? null,
    confidence: facts.confidence ?? null,
    firstSeen: facts['first-seen'] ?? null,
    evidence: facts.evidence ?? [],
    note: facts.note ?? null,
    force: facts.force ?? null
  }
}

/** @param folder rules folder, as a prefix for file names */
function bansOf(
  app: string,
  folder: string,
  { networks, timeZone }: RuleSet,
  now: Seconds
): BanView[] {
  const formatted = (at: Seconds): string | null =>
    Number.isFinite(at) ? showInstant(at, timeZone) : null
  return networks.flatMap(({ id: network, rules }) =>
    rules.flatMap(rule => {
      const isInForce = rule.kind === 'ban' && rule.from <= now && now < rule.until
      if (!isInForce || !rule.sources.some(({ kind, id }) => kind === 'app' && id === app))
        return []
      const { id, mode, reply, from, until, position } = rule
      const at = `${folder}${position.file}:${position.line}`
      const term = { from: formatted(from), until: formatted(until) }
      return [{ network, id, mode, action: reply.action, ...term, rule: at }]
    })
  )
}
