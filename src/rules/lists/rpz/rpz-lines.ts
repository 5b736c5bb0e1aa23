import { packRecord } from '../local-data.js'
import { nameKey } from '../packed-names.js'
import { scanRpz, type RpzAction, type RpzSink } from './rpz-zone.js'

/** A record of a zone as its line in a master file, with the number of that line. */
export interface RpzLine {
  readonly text: string
  readonly line: number
}

/** What some records of a zone say of a name. */
export interface NamePolicy {
  /** Name and cover: whose policy it is. */
  readonly key: string
  /** Wire form, in lower case. */
  readonly name: Uint8Array
  /** One of `COVER`. */
  readonly cover: number
  readonly action: RpzAction
  readonly line: number
  /** For `data`: as in `LocalData.octets`, one by one. */
  readonly records: readonly Uint8Array[]
}

/**
 * What some lines of a response policy zone say, each name at most once.
 *
 * @param zone its name in text, with a final dot; owners are absolute
 * @returns undefined where lines say anything else: of addresses, of name servers, or nothing that is
 *   known here
 */
export function readRpzLines(
  zone: string,
  lines: readonly RpzLine[]
): ReadonlyMap<string, NamePolicy> | undefined {
  const sink = new NamePolicySink(lines)
  const text = [`${zone} SOA`, ...lines.map(({ text }) => text), ''].join('\n')
  scanRpz(Buffer.from(text), sink)
  return sink.hasOther ? undefined : sink.policies
}

class NamePolicySink implements RpzSink {
  readonly policies = new Map<string, NamePolicy>()
  hasOther = false
  private readonly records = new Map<number, Uint8Array[]>()

  constructor(private readonly lines: readonly RpzLine[]) {}

  readonly qname: RpzSink['qname'] = (octets, at, length, cover, action, line) => {
    const key = `${cover} ${nameKey(octets, at, length)}`
    // Two actions for one name are for those to sort out who see the whole zone.
    if (this.policies.has(key)) this.hasOther = true
    const name = octets.slice(at, at + length)
    const records = this.records.get(line) ?? []
    this.records.set(line, records)
    this.policies.set(key, { key, name, cover, action, line: this.lineOf(line), records })
  }

  record(line: number, type: number, rdata: Uint8Array): void {
    const record = packRecord(type, rdata)
    const known = this.records.get(line)
    if (known === undefined) this.records.set(line, [record])
    else known.push(record)
  }

  prefix(): void {
    this.hasOther = true
  }

  countUnsupported(): void {
    this.hasOther = true
  }

  skipLine(): void {
    this.hasOther = true
  }

  /** The SOA is the first line of what is scanned. */
  private lineOf(line: number): number {
    return this.lines[line - 2]!.line
  }
}
