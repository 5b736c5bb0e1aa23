import { showAddress } from '../../base/address.js'
import { PrefixTable } from '../../base/prefix-table.js'
import type { Seconds } from '../../base/units.js'
import { showName } from '../../dns/name/name.js'
import { patternOf, entriesOf } from '../evaluate/matched-rule.js'
import { AddressTable } from '../tables/address-table.js'
import { ClaimIndex, type IndexedClaim } from '../tables/claim-index.js'
import { NameTable } from '../tables/name-table.js'
import { TIER, type Claim, type PreparedReply } from '../tables/snapshot.js'
import type { Snapshot, SourceSummary } from '../tables/snapshot.js'
import { coverOf, sourceOf } from '../tables/source-sets.js'

/**
 * A snapshot as lines for people: who is in which class, what each group of classes is told, and
 * every name and prefix with the lines it comes from. Nothing in it depends on the seed.
 */
export function dump(snapshot: Snapshot): readonly string[] {
  const { networks, classNetworks, classGroups, claims, switches } = snapshot
  return [
    ...networks.map((id, index) => `network ${index} ${id}`),
    ...classNetworks.map((n, index) => `class ${index} network ${n} group ${classGroups[index]}`),
    ...clientLines(snapshot),
    ...claims.map((claim, index) => `claim ${index} ${showClaim(claim)}`),
    ...groupLines(snapshot),
    ...nameLines(snapshot),
    ...addressLines(snapshot),
    ...dataLines(snapshot),
    ...switches.map(instant => `switch ${showInstant(instant)}`)
  ]
}

function clientLines({ tables }: Snapshot): string[] {
  const stretches = [...new PrefixTable(tables.clients).ranges()]
  return stretches.map(({ start, value }) => `client ${showAddress(start)} class ${value}`)
}

function showClaim(claim: Claim): string {
  const { kind, ruleId, ruleFile, ruleLine, source, monitor, reply, facts } = claim
  const { from, until, timetable } = claim
  const dates = [from, until].map(showInstant).join(' to ')
  const hours = timetable === undefined ? '' : `, ${timetable.text}`
  const said = reply === undefined ? [] : [showReply(reply)]
  return [
    `${kind} ${ruleId} at ${ruleFile}:${ruleLine} through ${source.kind} ${nameOf(source)}`,
    `${monitor ? 'monitored ' : ''}${dates}${hours}`,
    ...said,
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

function groupLines({ classGroups, sources, tables }: Snapshot): string[] {
  const cells = new ClaimIndex(tables.cells)
  const groups = [...new Set(classGroups)].sort((a, b) => a - b)
  return groups.flatMap(group =>
    sources.flatMap(source => {
      const { index } = source
      const claims = cells.claimsIn(cells.find(group, index))
      const ranked = claims.map(showCell)
      return ranked.length === 0
        ? []
        : [`group ${group} source ${nameOf(source)}: ${ranked.join(', ')}`]
    })
  )
}

function showCell({ claim, order, tier, passes }: IndexedClaim): string {
  const base = Math.max(...Object.values(TIER).filter(start => start <= tier))
  const step = tier > base ? ` step ${tier - base}` : ''
  return `claim ${claim} rank ${order}${step}${passes ? ' passes' : ''}`
}

/** `malware`, or for a part of it `malware (pass)` */
function nameOf({ id, part }: SourceSummary): string {
  return part === '' ? id : `${id} (${part})`
}

function nameLines(snapshot: Snapshot): string[] {
  const records = [...new NameTable(snapshot.tables.names).entries()]
  return records.map(record => `name ${showRecord(snapshot, record)}`).sort()
}

function addressLines(snapshot: Snapshot): string[] {
  const addresses = new AddressTable(snapshot.tables.addresses)
  return [...addresses.ranges()].map(({ start, records }) => {
    const covering = records.map(record => showRecord(snapshot, record))
    return `address ${showAddress(start)} ${covering.join(', ') || 'nothing'}`
  })
}

/** The records that lists have: `data rpz line 7 TYPE 1 c0000201` */
function dataLines({ data, sources }: Snapshot): string[] {
  return [...data].flatMap(([source, { lines, starts, octets }]) =>
    [...new Int32Array(lines)].flatMap((line, i) => {
      const [from, to] = new Int32Array(starts).subarray(i, i + 2)
      const all = Buffer.from(octets).subarray(from, to)
      return `data ${sources[source]!.id} line ${line} ${all.toString('hex')}`
    })
  )
}

/** `*.a.example (tiktok line 3) a.example (malware line 9)` */
function showRecord(snapshot: Snapshot, record: number): string {
  const members = entriesOf(snapshot).sourcesOf(record)
  return members
    .map(({ ref: member, line }) => {
      const source = snapshot.sources[sourceOf(member)]!
      return `${patternOf(snapshot, record, coverOf(member))} (${nameOf(source)} line ${line})`
    })
    .join(' ')
}

function showInstant(instant: Seconds): string {
  return Number.isFinite(instant) ? new Date(1000 * instant).toISOString() : `${instant}`
}
