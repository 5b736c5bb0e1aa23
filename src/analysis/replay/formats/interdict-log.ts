import type { Octets } from '../../../base/units.js'
import { PROTOCOL } from '../../../lookups/event/query-event.js'
import { SCHEMA_VERSION, type QueryRecord } from '../../../lookups/event/schema.js'
import type { Comparison } from '../comparison.js'
import {
  NO_REASON,
  RECORDED,
  type Reason,
  type LineReader,
  type RecordedState
} from '../parsed-lookup.js'
import { InterdictLine } from './interdict-line.js'
import { qtypeOf, QtypeCache } from './qtypes.js'
import { Literal, Scanner } from './scanner.js'

/** The same rules apply over all of them. */
const overTcp: ReadonlySet<unknown> = new Set(['tcp', 'dot', 'doh'])
const RULE = Buffer.from(',"rule":"')
const QUOTE = 0x22
/** Maximum number of cached reasons: a log repeats a few. */
const MAX_REASONS = 16

/** A line parsed as JSON; fields can have any type. */
type Line = Partial<Record<keyof QueryRecord, unknown>>

/**
 * Reads the query log of Interdict (docs/reference/query-log.md). Lines are parsed as octets in the
 * order of the fields, without allocation; a line of another form is parsed as JSON, which takes ten
 * times as long.
 */
export class InterdictLog implements LineReader {
  private readonly comparison: Comparison
  private readonly scan: Scanner
  private readonly parser: InterdictLine
  private readonly qtypes: QtypeCache
  /** Reasons, by the text from the verdict to the rule. */
  private readonly reasons: { words: Literal; reason: Reason }[] = []
  // The current line, for `getReason`.
  private from = 0
  private to = 0
  private readonly getReason = (): Reason => this.currentReason()

  constructor(comparison: Comparison) {
    this.comparison = comparison
    this.scan = new Scanner(comparison.salt)
    this.parser = new InterdictLine(this.scan)
    this.qtypes = new QtypeCache(comparison.salt)
  }

  line(octets: Buffer, from: Octets, to: Octets): string | undefined {
    this.scan.use(octets)
    this.from = from
    this.to = to
    return this.parser.read(from, to) && this.addLine(this.parser) ? undefined : this.readSlow()
  }

  /** @returns whether the name is valid */
  private addLine(line: InterdictLine): boolean {
    const { view } = this.scan
    const { names, clientIds: clientBook, clients } = this.comparison
    const name = names.idOf(view, line.nameFrom, line.nameTo, line.nameHash)
    if (name < 0) return false
    const client = clientBook.idOf(
      view,
      line.clientPartFrom,
      line.clientPartTo,
      line.clientPartHash
    )
    if (client === clients.length) this.addClient(line)
    const qtype = this.qtypes.read(view, line.qtypeFrom, line.qtypeTo, line.qtypeHash)
    const { time, protocol, recorded } = line
    this.comparison.add(time, client, name, qtype, protocol, recorded, this.getReason)
    return true
  }

  private addClient(line: InterdictLine): void {
    this.comparison.addClient({
      client: this.string(line.clientFrom) ?? '',
      device: this.string(line.deviceFrom),
      network: this.string(line.networkFrom),
      addressNetwork: this.string(line.addressNetworkFrom)
    })
  }

  /** The string without escapes that starts at `from`; undefined if that is -1. */
  private string(from: Octets): string | undefined {
    if (from < 0) return undefined
    const { octets } = this.scan
    return octets.toString('utf8', from, octets.indexOf(QUOTE, from))
  }

  private parse(): Line {
    return JSON.parse(this.scan.octets.toString('utf8', this.from, this.to)) as Line
  }

  private readSlow(): string | undefined {
    if (this.from === this.to) return undefined
    let read: unknown
    try {
      read = this.parse()
    } catch {
      return 'not a complete JSON object'
    }
    if (read === null || typeof read !== 'object') return 'not an object'
    const record: Line = read
    const { v, time, client, qname, qtype, protocol, verdict } = record
    if (v !== SCHEMA_VERSION) return `not version ${SCHEMA_VERSION} of the query log`
    // Lookups of the gateway itself.
    if (verdict === 'probe' || verdict === 'observed') return undefined
    const when = typeof time === 'string' ? Date.parse(time) / 1000 : NaN
    if (typeof qname !== 'string' || typeof qtype !== 'string' || Number.isNaN(when)) {
      return 'no time, qname or qtype'
    }
    return this.comparison.addLookup({
      at: Math.floor(when),
      client: textOf(client) ?? '',
      device: textOf(record.device),
      network: textOf(record.network),
      addressNetwork: textOf(record.addressNetwork),
      name: qname,
      qtype: qtypeOf(qtype),
      protocol: overTcp.has(protocol) ? PROTOCOL.tcp : PROTOCOL.udp,
      recorded: recordedOf(verdict, record),
      reason: verdict === 'blocked' ? this.reasonOf(record) : undefined
    })
  }

  /** What blocked the current line; parsed once for all lines with the same text up to the rule. */
  private currentReason(): Reason {
    const from = this.parser.verdictFrom
    const known = this.reasons.find(({ words }) => this.scan.skip(from, words) >= 0)
    if (known !== undefined) return known.reason
    const reason = this.reasonOf(this.parse())
    const { octets } = this.scan
    const to = octets.indexOf(RULE, from)
    if (to === -1 || to >= this.to) return reason
    if (this.reasons.length === MAX_REASONS) this.reasons.shift()
    this.reasons.push({ words: new Literal(octets.subarray(from, to + RULE.length)), reason })
    return reason
  }

  private reasonOf({ app, list, ban, exception, allow, block }: Line): Reason {
    const source = { app, list }
    const rule = { ban, exception, allow, block }
    const through = firstField(source)
    const by = firstField(rule)
    if (through === '' && by === '') return NO_REASON
    return { through, by }
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function recordedOf(verdict: unknown, { match, network }: Line): RecordedState {
  if (verdict === 'blocked') return match === 'qname' ? RECORDED.blocked : RECORDED.indirect
  return verdict === 'refused' && network === undefined ? RECORDED.refused : RECORDED.open
}

/** The first field that is present, as `app tiktok`. */
function firstField(fields: Readonly<Record<string, unknown>>): string {
  const found = Object.entries(fields).find(([, value]) => typeof value === 'string')
  return found?.join(' ') ?? ''
}
