import { readList } from '../../../policy/rules/lists/read-list.js'
import { readZoneFile } from '../../../policy/rules/records/record-files.js'
import { readName } from '../../../wire/dns/name/name.js'
import { ZoneRecords, readZoneHead } from '../../../wire/zonefile/zone-records.js'
import type { Migration } from './migration.js'
import { textOf, type SourceFile } from './source-file.js'

/** A line that the zone file cannot have here. */
type Fault = { readonly line: number; readonly why: string }

/** Triggers that a forwarder cannot apply, and records that are no policy. */
const NAME_SERVERS = /\.rpz-ns(dname|ip)\b/i

/**
 * A response policy zone as a list. Its policies that do not apply are reported one by one.
 *
 * @returns the id of the list; undefined: it is not one
 */
export function carryPolicyZone(
  migration: Migration,
  name: string,
  source: SourceFile
): string | undefined {
  const { file, octets } = source
  const at = { file, line: 1 }
  const read = readList({ id: name, format: 'rpz', mayBeEmpty: true }, [
    { octets, file, displayName: file }
  ])
  if ('errors' in read) {
    const why = read.errors[0]!.message
    migration.open(at, `zone ${name}`, `repair the file: ${why}`)
    return undefined
  }
  const faults = new Map<number, string>()
  const records = new ZoneRecords(
    octets,
    (line, _column, why) => faults.set(line, why),
    readZoneHead(octets)
  )
  const lines = linesOf(source)
  let [carried, owner] = [0, '']
  while (records.advance()) {
    const { text, typeWord } = records
    const { line } = text
    if (text.hasOwner) owner = text.text(0)
    const type = text.text(typeWord).toUpperCase()
    if (NAME_SERVERS.test(owner))
      faults.set(
        line,
        'a forwarder does not see name servers: block the names or addresses themselves'
      )
    else if (type === 'DNAME' || type === 'DS') faults.set(line, 'write a wildcard record instead')
    else carried++
  }
  if (carried > 0) migration.carried(at, `records of zone ${name}`, carried)
  for (const [line, why] of faults) migration.open({ file, line }, lineOf(lines, line), why)
  return migration.addListFile(name, octets, 'rpz', 'zone')
}

/** A zone file with local records. Lines that it cannot have are commented out. */
export function carryZoneFile(migration: Migration, zone: string, source: SourceFile): void {
  const { file } = source
  const origin = zone.replace(/\.$/, '')
  const lines = linesOf(source)
  const first = readRecords(source.octets, origin)
  for (const { line, why } of first.faults) {
    migration.open({ file, line }, lineOf(lines, line), why)
    lines[line - 1] = `; ${lines[line - 1] ?? ''}`
  }
  const octets = first.faults.length === 0 ? source.octets : Buffer.from(lines.join('\n'))
  const { records, faults } = readRecords(octets, origin)
  if (faults.length > 0) {
    migration.open(
      { file, line: faults[0]!.line },
      `zone ${origin}`,
      `write its records by hand: ${faults[0]!.why}`,
      records
    )
    return
  }
  migration.carried({ file, line: 1 }, `records of zone ${origin}`, records)
  const path = `records/${origin.replaceAll('/', '_')}.zone`
  migration.files.set(path, octets)
  migration.recordFiles.push({ file: path, format: 'zone', origin })
}

function readRecords(
  octets: Uint8Array,
  origin: string
): { records: number; faults: readonly Fault[] } {
  const faults = new Map<number, string>()
  let records = 0
  readZoneFile(octets, readName(origin), undefined, {
    record: () => {
      records++
      return undefined
    },
    problem: (line, _column, why) => void faults.set(line, why)
  })
  return { records, faults: [...faults].map(([line, why]) => ({ line, why })) }
}

const linesOf = (source: SourceFile): string[] => textOf(source).split('\n')
const lineOf = (lines: readonly string[], line: number): string => (lines[line - 1] ?? '').trim()
