import { packRecord } from '../local-data.js'
import { nameKey } from '../packed-names.js'
import { scanRpz, type RpzAction, type RpzSink } from './rpz-zone.js'
import type { CoverCode } from '../../model/types.js'

/** A zone record as a line of a zone file, with its line number. */
export interface RpzLine {
  readonly text: string
  readonly line: number
}

/** The policy of a name, from one or more records. */
export interface NamePolicy {
  /** Identifies name and cover. */
  readonly key: string
  /** Wire form, in lower case. */
  readonly name: Uint8Array
  readonly cover: CoverCode
  readonly action: RpzAction
  readonly line: number
  /** For `data`: each as in `LocalData.octets`. */
  readonly records: readonly Uint8Array[]
}

/**
 * Reads some lines of a response policy zone, with at most one policy per name.
 *
 * @param zone its name as text, with a final dot; owner names are absolute
 * @returns undefined if a line has another trigger than QNAME, or cannot be applied
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
    // Only a reader of the whole zone can resolve two actions for one name.
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

  /** Maps a line of the scanned text, which begins with the SOA. */
  private lineOf(line: number): number {
    return this.lines[line - 2]!.line
  }
}
