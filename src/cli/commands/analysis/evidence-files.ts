import type { Judged } from '../../../analysis/evidence/judged.js'
import { zoneOffsets } from '../../../base/time/time-zone-offsets.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import type { LoggedTime } from '../../../analysis/evidence/silent-times.js'
import type { Gateway } from '../../../analysis/evidence/rule-versions.js'
import type { UnenforcedFacts } from '../../../analysis/evidence/unenforced.js'
import type { KnownVersion } from './evidence-history.js'
import type { LogProof } from './evidence-log.js'

type Files = [string, string | Uint8Array][]

const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 1)}\n`

/** What verify.py needs to judge the lookups of a pack again. Times are milliseconds since 1970. */
export function enforcementJson(
  { enforcement, completeness, timeZone }: Judged,
  gateways: readonly Gateway[],
  orderedUntil: Milliseconds
): string {
  const { ban, period, segments, states, missing } = enforcement
  const { since } = completeness
  return pretty({
    ...{ v: 1, ban, since: period.since, until: period.until, orderedUntil },
    ...{ timeZone, offsets: offsetsOf(timeZone, period.since, orderedUntil) },
    gateways: gateways.map(gateway => gateway ?? null),
    // JSON has no infinite numbers: from the beginning, or never.
    knownSince: Number.isFinite(since) ? since : since < 0 ? 0 : null,
    networks: enforcement.networks,
    present: enforcement.present,
    segments: segments.map(withoutGateway),
    states: Object.fromEntries(states),
    missing
  })
}

/** Milliseconds ahead of UTC, each with the instant since which they apply; the first also before. */
function offsetsOf(timeZone: string, since: Milliseconds, until: Milliseconds): [number, number][] {
  const offsets = zoneOffsets(timeZone)
  const all = offsets.since.map((at, i): [number, number] => {
    return [at * MS_PER_SECOND, offsets.ahead[i]! * MS_PER_SECOND]
  })
  const first = all.findLastIndex(([at]) => at <= since - MARGIN)
  return all.filter(([at], i) => i >= first && at <= until + MARGIN)
}

/** Bundles, days and rounds of probes at the ends of the period may be a little outside. */
const MARGIN: Milliseconds = 400 * 86_400_000

export const jsonLines = (values: readonly object[]): string =>
  values.map(value => `${JSON.stringify(value)}\n`).join('')

/** `log/times.jsonl`: the minutes with lookups. */
export function timesJson(times: ReadonlyMap<Gateway, readonly LoggedTime[]>): string {
  return jsonLines(
    [...times].flatMap(([gateway, own]) => own.map(one => ({ gateway: gateway ?? null, ...one })))
  )
}

/** `not-enforced.json`: what verify.py counts the table of what was not enforced from. */
export function unenforcedJson({ pauses, paused, exceptions, lists }: UnenforcedFacts): string {
  const own = [pauses, paused, exceptions, lists].map(all => all.map(withoutGateway))
  const [ofPauses, counts, ofExceptions, ofLists] = own
  return pretty({
    ...{ v: 1, pauses: ofPauses, paused: counts, exceptions: ofExceptions, lists: ofLists }
  })
}

function withoutGateway<T extends { readonly gateway: Gateway }>(one: T) {
  return { ...one, gateway: one.gateway ?? null }
}

/** The files of every version of the rules that is at hand, and a list of them with their digests. */
export function ruleTextFiles(known: Iterable<KnownVersion>): Files {
  const files: Files = []
  const versions: Record<string, unknown>[] = []
  for (const { rules, texts } of new Set(known)) {
    const folder = `rules/${rules.sha256.slice(0, 12)}`
    const listed = [...texts].map(([name, { sha256, octets, text }]) => {
      const path = `${folder}/${pathOf(name)}`
      if (text !== undefined) files.push([path, text])
      return { name, sha256, octets, ...(text !== undefined && { path }) }
    })
    const { sha256, filesSha256, bundle } = rules
    versions.push({ sha256, filesSha256, serial: bundle?.serial ?? null, files: listed })
  }
  return [['rules/versions.json', pretty(versions)], ...files]
}

/** A name that every system takes, within the folder. */
function pathOf(name: string): string {
  const parts = name.split('/').map(part => part.replaceAll(/[^\w.-]/g, '_'))
  return parts.filter(part => !['', '.', '..'].includes(part)).join('/')
}

export function proofFiles(proof: LogProof | undefined): Files {
  if (proof === undefined) return []
  const { chain, receipts, files } = proof
  return [
    ['log/files.json', pretty(files)],
    ...(chain === undefined ? [] : [['log/chain.jsonl', chain] as [string, string]]),
    ...(receipts === undefined ? [] : [['log/witness.jsonl', receipts] as [string, string]])
  ]
}
