import { showRrtype } from '../../../wire/dns/registry/rrtype.js'
import type { AffectedClients } from '../../../policy/diff/client-ranges.js'
import type { Change } from '../../../policy/diff/change-collector.js'
import type { QtypeSet } from '../../../policy/rules/model/types.js'
import { showInstant } from '../../../base/time/instant.js'
import { describeRuleVerdict } from './rule-verdict-text.js'
import type { Compared } from './diff-text.js'

/** The JSON form, which is public. Times are UTC. */
export function toJson(compared: Compared): string {
  return `${JSON.stringify(jsonOf(compared), undefined, 2)}\n`
}

export function jsonOf(compared: Compared): object {
  const { old, now, rules, at, only, moves, renamed, ech, dnssec, recognized, changes } = compared
  return {
    at: instant(at),
    old: { folder: old, sha256: rules.before.sha256 },
    new: { folder: now, sha256: rules.after.sha256 },
    only: only ?? null,
    moves: moves.map(shownPlace),
    renamed: renamed.map(sides),
    ech: ech.map(({ networks, ech }) => ({ network: networks.after, ...sides(ech) })),
    dnssec: dnssec.map(({ networks, dnssec }) => ({ network: networks.after, ...sides(dnssec) })),
    dnssecExceptions: compared.dnssecExceptions.map(({ name, kind }) => ({ change: kind, name })),
    trustAnchors: compared.trustAnchors.map(({ anchor, kind }) => ({ change: kind, anchor })),
    resolution: compared.resolution.map(({ networks, key, values }) => ({
      network: networks.after,
      key,
      ...sides(values)
    })),
    clients: recognized.map(({ networks, ...rest }) => ({ ...rest, network: sides(networks) })),
    changes: changes.map(change => ({
      change: change.kind,
      ...(only && { outside: change.outside }),
      names: change.names,
      examples: change.examples,
      clients: change.clients.map(shownPlace),
      from: instant(change.from),
      until: instant(change.until),
      hours: change.hours ?? null,
      types: change.qtypes === undefined ? null : shownTypes(change.qtypes),
      old: describeRuleVerdict(change.verdicts.before),
      new: describeRuleVerdict(change.verdicts.after)
    }))
  }
}

function shownPlace({ networks, prefixes, except }: AffectedClients): object {
  return { ...sides(networks), prefixes: prefixes ?? null, ...(except && { except }) }
}

function shownTypes({ types, except }: QtypeSet): object {
  return { [except ? 'except' : 'only']: types.map(showRrtype) }
}

function sides({ before, after }: AffectedClients['networks']): object {
  return { old: before ?? null, new: after ?? null }
}

function instant(at: Change['from']): string | null {
  return Number.isFinite(at) ? showInstant(at, 'UTC') : null
}
