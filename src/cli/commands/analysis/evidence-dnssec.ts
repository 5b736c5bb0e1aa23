import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { versionKey } from '../../../analysis/evidence/enforcement.js'
import { gatewayColumn } from '../../../analysis/evidence/fleet-tables.js'
import type { Gateway, Segment, Version } from '../../../analysis/evidence/rule-segments.js'
import { column, type Table } from '../../../analysis/report/report.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'

/*
 * When networks validated answers by DNSSEC, and when names were exempt from it. verify.py in the pack has the same rules in
 * Python.
 */

/** An exception from validation. Times are milliseconds since 1970. */
interface ExemptName {
  readonly name: string
  readonly purpose: string
  readonly approvedBy: string
  readonly from: Milliseconds
  readonly until: Milliseconds
}

/** DNSSEC under one version of the rules. Public: `dnssec.json`. */
export interface DnssecRules {
  /** By network: `off`, `observe` or `enforce`. */
  readonly networks: Readonly<Record<string, string>>
  readonly exceptions: readonly ExemptName[]
}

/** Of each version that is at hand, by `versionKey`. */
export type DnssecByVersion = ReadonlyMap<string, DnssecRules>

export function dnssecRules({
  networks,
  dnssecExceptions = []
}: Pick<RuleSet, 'networks' | 'dnssecExceptions'>): DnssecRules {
  return {
    networks: Object.fromEntries(networks.map(({ id, dnssec = 'off' }) => [id, dnssec])),
    exceptions: dnssecExceptions.map(({ text: name, purpose, approvedBy, from, until }) => {
      const term = { from: from * MS_PER_SECOND, until: until * MS_PER_SECOND }
      return { name, purpose, approvedBy, ...term }
    })
  }
}

/** `dnssec.json` */
export const dnssecJson = (versions: DnssecByVersion): string =>
  `${JSON.stringify({ v: 1, versions: Object.fromEntries(versions) }, undefined, 2)}\n`

export function dnssecTables(
  versions: DnssecByVersion,
  segments: readonly Segment[],
  gateways: readonly Gateway[],
  end: Milliseconds
): Table[] {
  const states = stateSpans(
    new Map(Array.from(versions, ([key, { networks }]) => [key, networks])),
    segments
  )
  const exemptions = exemptionsIn(versions, segments, end)
  const before = gatewayColumn(gateways)
  const cells = ({ gateway, from, until }: Span) => ({
    gateway: gateway === undefined ? [] : [gateway],
    times: [new Date(from), new Date(until), Math.ceil((until - from) / MINUTE)]
  })
  return [
    {
      id: 'dnssec',
      title: 'DNSSEC validation',
      description:
        'What each network did with answers that DNSSEC proves false, by the rules in force. enforce: SERVFAIL; observe: counted, the answer was unchanged; off: not validated here.',
      emptyText: 'Nothing is known of it.',
      columns: [
        ...before,
        ...[column('from', 'time'), column('until', 'time'), column('minutes', 'count')],
        ...[column('dnssec', 'text', 'DNSSEC'), column('networks', 'text')]
      ],
      rows: states.map(span => {
        const { gateway, times } = cells(span)
        return [...gateway, ...times, span.state, span.networks.join(', ')]
      })
    },
    {
      id: 'dnssec-exceptions',
      title: 'DNSSEC exceptions',
      description:
        'Names that were exempt from validation, with all names below them (negative trust anchors, RFC 7646): when they were in force, how that ended, and the networks that enforced validation meanwhile. expired: on its date; removed: by a change of the rules; in force: it still was, with other networks or after the period.',
      emptyText: 'No name was exempt.',
      columns: [
        ...before,
        ...[column('name', 'text'), column('purpose', 'text')],
        ...[column('approvedBy', 'text', 'approved by'), column('ends', 'time', 'end date')],
        ...[column('from', 'time'), column('until', 'time'), column('minutes', 'count')],
        ...[column('end', 'text'), column('networks', 'text')]
      ],
      rows: exemptions.map(span => {
        const { gateway, times } = cells(span)
        const { name, purpose, approvedBy, until } = span.exempt
        const what = [name, purpose, approvedBy, new Date(until)]
        return [...gateway, ...what, ...times, span.end, span.networks.join(', ')]
      })
    }
  ]
}

const MINUTE: Milliseconds = 60_000

interface Span {
  readonly gateway: Gateway
  readonly from: Milliseconds
  readonly until: Milliseconds
  readonly networks: readonly string[]
}

/** The versions that were in force in a segment; undefined: it is not known which. */
function versionsIn(segment: Segment): readonly Version[] | undefined {
  if (segment.kind === 'rules') return [segment.version]
  return segment.kind === 'change' ? [segment.before, segment.after] : undefined
}

/** What the rules of a segment say; undefined: not known. */
function rulesIn<T>(segment: Segment, versions: ReadonlyMap<string, T>): readonly T[] | undefined {
  const found = versionsIn(segment)?.map(version => versions.get(versionKey(version)))
  return found?.every(one => one !== undefined) === true ? found : undefined
}

/**
 * Times in which a network had the same state; networks with the same times and state are one.
 *
 * @param versions the state of each network under each version of the rules, by `versionKey`
 */
export function stateSpans(
  versions: ReadonlyMap<string, Readonly<Record<string, string>>>,
  segments: readonly Segment[]
): (Span & { readonly state: string })[] {
  const networks = [...new Set([...versions.values()].flatMap(one => Object.keys(one)))].sort()
  const merged: (Span & { readonly state: string })[] = []
  const last = new Map<string, number>()
  for (const segment of segments) {
    const { gateway, from, until } = segment
    const rules = rulesIn(segment, versions)
    for (const network of networks) {
      const states = new Set(rules?.map(one => one[network] ?? 'absent'))
      const unknown = segment.kind === 'restart' ? 'restart' : 'not known'
      const state = states.size === 1 ? [...states][0]! : unknown
      const key = JSON.stringify([gateway ?? null, network])
      const at = last.get(key)
      const before = at === undefined ? undefined : merged[at]
      if (at !== undefined && before?.until === from && before.state === state) {
        merged[at] = { ...before, until }
        continue
      }
      last.set(key, merged.length)
      merged.push({ gateway, from, until, networks: [network], state })
    }
  }
  const spans = new Map<string, Span & { networks: string[]; readonly state: string }>()
  for (const { gateway, from, until, networks, state } of merged) {
    if (state === 'absent') continue
    const key = JSON.stringify([gateway ?? null, from, until, state])
    const span = spans.get(key) ?? { gateway, from, until, networks: [], state }
    spans.set(key, span)
    span.networks.push(...networks)
  }
  return [...spans.values()].sort((a, b) => a.from - b.from || a.until - b.until)
}

interface Exemption extends Span {
  readonly exempt: ExemptName
  readonly end: 'expired' | 'removed' | 'in force' | 'restart' | 'not known'
}

/** When each exception was in force, in the order in which they ended. */
function exemptionsIn(
  versions: DnssecByVersion,
  segments: readonly Segment[],
  end: Milliseconds
): Exemption[] {
  const closed: Exemption[] = []
  let open = new Map<string, Exemption>()
  const close = (span: Exemption, next: Segment | undefined): void => {
    closed.push({ ...span, end: endOf(span, next, versions, end) })
  }
  segments.forEach((segment, i) => {
    const { gateway, from, until } = segment
    const isNext = segments[i - 1]?.gateway === gateway && segments[i - 1]?.until === from
    const now = new Map<string, Exemption>()
    for (const [key, exempt, networks] of exemptIn(rulesIn(segment, versions))) {
      const [first, last] = [Math.max(from, exempt.from), Math.min(until, exempt.until)]
      if (first >= last) continue
      const before = isNext ? open.get(key) : undefined
      const start = before?.until === first ? before.from : first
      if (before !== undefined) open.delete(key)
      const span = {
        gateway,
        from: start,
        until: last,
        networks,
        exempt,
        end: 'not known'
      } as const
      now.set(key, span)
    }
    for (const span of open.values()) close(span, isNext ? segment : undefined)
    open = now
  })
  for (const span of open.values()) close(span, undefined)
  return closed
}

/** The exceptions that were in the rules all the time, with the networks that enforced validation all the time. */
function exemptIn(
  rules: readonly DnssecRules[] | undefined
): (readonly [key: string, ExemptName, networks: readonly string[]])[] {
  const [first, ...others] = rules ?? []
  if (first === undefined) return []
  const enforcing = (one: DnssecRules): string[] =>
    Object.keys(one.networks).filter(network => one.networks[network] === 'enforce')
  const networks = enforcing(first)
    .filter(network => others.every(one => one.networks[network] === 'enforce'))
    .sort()
  const isIn = (exempt: ExemptName, one: DnssecRules): boolean =>
    one.exceptions.some(other => termsOf(other) === termsOf(exempt))
  return first.exceptions
    .filter(exempt => others.every(one => isIn(exempt, one)))
    .map(exempt => [JSON.stringify([termsOf(exempt), networks]), exempt, networks] as const)
}

const termsOf = ({ name, purpose, approvedBy, from, until }: ExemptName): string =>
  JSON.stringify([name, purpose, approvedBy, from, until])

function endOf(
  { exempt, until }: Exemption,
  next: Segment | undefined,
  versions: DnssecByVersion,
  end: Milliseconds
): Exemption['end'] {
  if (until === exempt.until) return 'expired'
  if (until === end) return 'in force'
  if (next === undefined) return 'not known'
  const rules = rulesIn(next, versions)
  if (rules === undefined) return next.kind === 'restart' ? 'restart' : 'not known'
  const isKept = rules.every(one =>
    one.exceptions.some(other => termsOf(other) === termsOf(exempt))
  )
  // The same exception, and other networks that enforce validation.
  return isKept ? 'in force' : 'removed'
}
