import { showAddress } from '../../src/base/values/address.js'
import { PrefixTable } from '../../src/base/values/prefix-table.js'
import type { Seconds } from '../../src/base/units.js'
import { showName } from '../../src/wire/dns/name/name.js'
import { patternOf } from '../../src/policy/evaluate/matched-rule.js'
import { AddressTable } from '../../src/policy/tables/address-table.js'
import { CLAIM_PASS, ClaimIndex, type IndexedClaim } from '../../src/policy/tables/claim-index.js'
import { allClaims } from '../../src/policy/tables/claim-table.js'
import { TIER, type Claim, type PreparedReply } from '../../src/policy/tables/claim.js'
import { entriesOf } from '../../src/policy/tables/entries.js'
import { NameTable } from '../../src/policy/tables/name-table.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { coverOf, sourceOf } from '../../src/policy/tables/source-sets.js'
import { allSources, type SourceSummary } from '../../src/policy/tables/source-table.js'

/**
 * A snapshot as lines of text: the clients of each class, the claims of each group, and every name
 * and prefix with the lines that list it. Does not depend on the seed.
 */
export function dump(snapshot: Snapshot): readonly string[] {
  const { clients, claims } = snapshot
  const { networks, networkOf, groupOf, ech } = clients
  return [
    ...networks.map((id, index) => `network ${index} ${id}`),
    ...Array.from(
      networkOf,
      (n, index) =>
        `class ${index} network ${n} group ${groupOf[index]}${ech[index] === 0 ? '' : ` ech ${ech[index]}`}`
    ),
    ...clientLines(snapshot),
    ...allClaims(snapshot).all.map((claim, index) => `claim ${index} ${showClaim(claim)}`),
    ...groupLines(snapshot),
    ...nameLines(snapshot),
    ...addressLines(snapshot),
    ...localDataLines(snapshot),
    ...claims.changeTimes.map(instant => `switch ${showInstant(instant)}`)
  ]
}

function clientLines({ clients }: Snapshot): string[] {
  const ranges = [...new PrefixTable(clients.prefixes).ranges()]
  return ranges.map(({ start, value }) => `client ${showAddress(start)} class ${value}`)
}

function showClaim(claim: Claim): string {
  const { kind, ruleId, ruleFile, ruleLine, source, monitor, reply, facts } = claim
  const { from, until, timetable } = claim
  const dates = [from, until].map(showInstant).join(' to ')
  const hours = timetable === undefined ? '' : `, ${timetable.text}`
  const replies = reply === undefined ? [] : [showReply(reply)]
  return [
    `${kind} ${ruleId} at ${ruleFile}:${ruleLine} through ${source.kind} ${nameOf(source)}`,
    `${monitor ? 'monitored ' : ''}${dates}${hours}`,
    ...replies,
    ...Object.entries(facts).map(([key, value]) => `${key}=${value}`)
  ].join('; ')
}

function showReply({ action, ttl, ipv4, ipv6, target, ede, edeOption }: PreparedReply): string {
  const parts = [`${action} ttl ${ttl}`]
  if (ipv4 !== undefined) parts.push(`A ${ipv4.join('.')}`)
  if (ipv6 !== undefined) parts.push(`AAAA ${showAddress(ipv6)}`)
  if (target !== undefined) parts.push(`CNAME ${showName(target)}`)
  const text = new TextDecoder().decode(edeOption.subarray(6))
  return [...parts, `EDE ${ede} ${JSON.stringify(text)}`].join(' ')
}

function groupLines({ clients, sources, claims }: Snapshot): string[] {
  const index = new ClaimIndex(claims.index)
  const groups = [...new Set(clients.groupOf)].sort((a, b) => a - b)
  return groups.flatMap(group =>
    allSources(sources).all.flatMap(source => {
      const indexed = index.claimsOf(group, source.index).map(showIndexedClaim)
      return indexed.length === 0
        ? []
        : [`group ${group} source ${nameOf(source)}: ${indexed.join(', ')}`]
    })
  )
}

function showIndexedClaim({ claim, order, tier, flags }: IndexedClaim): string {
  const base = Math.max(...Object.values(TIER).filter(start => start <= tier))
  const step = tier > base ? ` step ${tier - base}` : ''
  return `claim ${claim} rank ${order}${step}${(flags & CLAIM_PASS) === 0 ? '' : ' passes'}`
}

/** `malware`, or for a part of it `malware (pass)` */
function nameOf({ id, part }: SourceSummary): string {
  return part === '' ? id : `${id} (${part})`
}

function nameLines(snapshot: Snapshot): string[] {
  const entries = [...new NameTable(snapshot.names).entries()]
  return entries.map(entry => `name ${showEntry(snapshot, entry)}`).sort()
}

function addressLines(snapshot: Snapshot): string[] {
  const addresses = new AddressTable(snapshot.addresses)
  return [...addresses.ranges()].map(({ start, entries }) => {
    const covering = entries.map(entry => showEntry(snapshot, entry))
    return `address ${showAddress(start)} ${covering.join(', ') || 'nothing'}`
  })
}

/** The DNS records that lists have: `data rpz line 7 TYPE 1 c0000201` */
function localDataLines({ sources }: Snapshot): string[] {
  return [...sources.localData].flatMap(([source, { lines, starts, octets }]) =>
    [...new Int32Array(lines)].flatMap((line, i) => {
      const [from, to] = new Int32Array(starts).subarray(i, i + 2)
      const all = Buffer.from(octets).subarray(from, to)
      return `data ${allSources(sources).at(source)!.id} line ${line} ${all.toString('hex')}`
    })
  )
}

/** `*.a.example (tiktok line 3) a.example (malware line 9)` */
function showEntry(snapshot: Snapshot, entry: number): string {
  return entriesOf(snapshot)
    .sourcesOf(entry)
    .map(({ ref, line }) => {
      const source = allSources(snapshot.sources).at(sourceOf(ref))!
      return `${patternOf(snapshot, entry, coverOf(ref))} (${nameOf(source)} line ${line})`
    })
    .join(' ')
}

function showInstant(instant: Seconds): string {
  return Number.isFinite(instant) ? new Date(1000 * instant).toISOString() : `${instant}`
}
