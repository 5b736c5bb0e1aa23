import { showAddress } from '../base/address.js'
import type { Seconds } from '../base/units.js'
import { PrefixTable } from '../network/prefix-table.js'
import { showName } from '../wire/name.js'
import { AddressTable } from './address-table.js'
import { Cells } from './cells.js'
import { patternOf, recordsOf } from './matched-rule.js'
import { coverOf, sourceOf } from './member-sets.js'
import { NameTable } from './name-table.js'
import type { Claim, PreparedReply, Snapshot } from './snapshot.js'

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
    ...switches.map(instant => `switch ${showInstant(instant)}`)
  ]
}

function clientLines({ tables }: Snapshot): string[] {
  const stretches = [...new PrefixTable(tables.clients).stretches()]
  return stretches.map(({ start, value }) => `client ${showAddress(start)} class ${value}`)
}

function showClaim(claim: Claim): string {
  const { kind, ruleId, ruleFile, ruleLine, source, from, until, monitor, reply, facts } = claim
  const dates = [from, until].map(showInstant).join(' to ')
  const said = reply === undefined ? [] : [showReply(reply)]
  return [
    `${kind} ${ruleId} at ${ruleFile}:${ruleLine} through ${source.kind} ${source.id}`,
    `${monitor ? 'monitored ' : ''}${dates}`,
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
  const cells = new Cells(tables.cells)
  const groups = [...new Set(classGroups)].sort((a, b) => a - b)
  return groups.flatMap(group =>
    sources.flatMap(({ id, index }) => {
      const claims = cells.claimsIn(cells.find(group, index))
      const ranked = claims.map(({ claim, rank }) => `claim ${claim} rank ${rank}`)
      return ranked.length === 0 ? [] : [`group ${group} source ${id}: ${ranked.join(', ')}`]
    })
  )
}

function nameLines(snapshot: Snapshot): string[] {
  const records = [...new NameTable(snapshot.tables.names).records()]
  return records.map(record => `name ${showRecord(snapshot, record)}`).sort()
}

function addressLines(snapshot: Snapshot): string[] {
  const addresses = new AddressTable(snapshot.tables.addresses)
  return [...addresses.stretches()].map(({ start, records }) => {
    const covering = records.map(record => showRecord(snapshot, record))
    return `address ${showAddress(start)} ${covering.join(', ') || 'nothing'}`
  })
}

/** `*.a.example (tiktok line 3) a.example (malware line 9)` */
function showRecord(snapshot: Snapshot, record: number): string {
  const members = recordsOf(snapshot).membersOf(record)
  return members
    .map(({ member, line }) => {
      const { id } = snapshot.sources[sourceOf(member)]!
      return `${patternOf(snapshot, record, coverOf(member))} (${id} line ${line})`
    })
    .join(' ')
}

function showInstant(instant: Seconds): string {
  return Number.isFinite(instant) ? new Date(1000 * instant).toISOString() : `${instant}`
}
