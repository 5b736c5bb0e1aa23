import type { Octets } from '../../base/units.js'
import { PROTOCOL } from '../../querylog/record/query-event.js'
import { SCHEMA_VERSION, type QueryRecord } from '../../querylog/record/schema.js'
import type { Comparison } from '../comparison.js'
import { NO_GROUND, RECORDED, type Ground, type LineReader } from '../lookup.js'
import { OwnLine } from './own-line.js'
import { qtypeOf, Qtypes } from './qtypes.js'
import { Piece, Scanner } from './scanner.js'

const RULE = Buffer.from(',"rule":"')
const QUOTE = 0x22
/** Most words for what blocked a lookup that are remembered: a log has a few, again and again. */
const MOST_GROUNDS = 16

/** A line as JSON: whoever wrote it, fields may be anything. */
type Line = Partial<Record<keyof QueryRecord, unknown>>

/**
 * Reads our own query log (docs/reference/query-log.md). Lines are read as octets, by the order that fields have, and
 * make no garbage; one that looks different is read as JSON, in ten times the time.
 */
export class OwnLog implements LineReader {
  readonly #comparison: Comparison
  readonly #scan: Scanner
  readonly #line: OwnLine
  readonly #qtypes: Qtypes
  /** What blocked lookups, by the words from the verdict to the rule. */
  readonly #grounds: { words: Piece; ground: Ground }[] = []
  // The line at hand, for who asks what blocked it.
  #from = 0
  #to = 0
  readonly #ground = (): Ground => this.#groundAtHand()

  constructor(comparison: Comparison) {
    this.#comparison = comparison
    this.#scan = new Scanner(comparison.salt)
    this.#line = new OwnLine(this.#scan)
    this.#qtypes = new Qtypes(comparison.salt)
  }

  line(octets: Buffer, from: Octets, to: Octets): string | undefined {
    this.#scan.use(octets)
    this.#from = from
    this.#to = to
    return this.#line.read(from, to) && this.#take(this.#line) ? undefined : this.#readSlow()
  }

  /** Whether the name is one. */
  #take(line: OwnLine): boolean {
    const { view } = this.#scan
    const { names, clientBook, clients } = this.#comparison
    const name = names.numberOf(view, line.nameFrom, line.nameTo, line.nameHash)
    if (name < 0) return false
    const client = clientBook.numberOf(view, line.whoFrom, line.whoTo, line.whoHash)
    if (client === clients.length) this.#addClient(line)
    const qtype = this.#qtypes.read(view, line.qtypeFrom, line.qtypeTo, line.qtypeHash)
    const { time, protocol, recorded } = line
    this.#comparison.add(time, client, name, qtype, protocol, recorded, this.#ground)
    return true
  }

  #addClient({ clientFrom, networkFrom }: OwnLine): void {
    const network = networkFrom < 0 ? undefined : this.#string(networkFrom)
    this.#comparison.addClient(clientFrom < 0 ? '' : this.#string(clientFrom), network)
  }

  /** A string without escapes, of which `from` is the first octet. */
  #string(from: Octets): string {
    const { octets } = this.#scan
    return octets.toString('utf8', from, octets.indexOf(QUOTE, from))
  }

  #parse(): Line {
    return JSON.parse(this.#scan.octets.toString('utf8', this.#from, this.#to)) as Line
  }

  #readSlow(): string | undefined {
    if (this.#from === this.#to) return undefined
    let read: unknown
    try {
      read = this.#parse()
    } catch {
      return 'not a whole line of JSON'
    }
    if (read === null || typeof read !== 'object') return 'not an object'
    const record: Line = read
    const { v, time, client, network, qname, qtype, protocol, verdict } = record
    if (v !== SCHEMA_VERSION) return `not of version ${SCHEMA_VERSION} of the query log`
    const when = typeof time === 'string' ? Date.parse(time) / 1000 : NaN
    if (typeof qname !== 'string' || typeof qtype !== 'string' || Number.isNaN(when)) {
      return 'no time, qname or qtype'
    }
    return this.#comparison.find({
      at: Math.floor(when),
      client: typeof client === 'string' ? client : '',
      network: typeof network === 'string' ? network : undefined,
      name: qname,
      qtype: qtypeOf(qtype),
      protocol: protocol === 'tcp' ? PROTOCOL.tcp : PROTOCOL.udp,
      recorded: recordedOf(verdict, record),
      ground: verdict === 'blocked' ? this.#groundOf(record) : undefined
    })
  }

  /** What blocked the line at hand; worked out once for all with the same words before the rule. */
  #groundAtHand(): Ground {
    const from = this.#line.verdictFrom
    const known = this.#grounds.find(({ words }) => this.#scan.after(from, words) >= 0)
    if (known !== undefined) return known.ground
    const ground = this.#groundOf(this.#parse())
    const { octets } = this.#scan
    const to = octets.indexOf(RULE, from)
    if (to === -1 || to >= this.#to) return ground
    if (this.#grounds.length === MOST_GROUNDS) this.#grounds.shift()
    this.#grounds.push({ words: new Piece(octets.subarray(from, to + RULE.length)), ground })
    return ground
  }

  #groundOf({ app, list, ban, exception, allow, block }: Line): Ground {
    const source = { app, list }
    const rule = { ban, exception, allow, block }
    const through = wordsOf(source)
    const by = wordsOf(rule)
    if (through === '' && by === '') return NO_GROUND
    return { through, by }
  }
}

function recordedOf(verdict: unknown, { match, network }: Line): number {
  if (verdict === 'blocked') return match === 'qname' ? RECORDED.blocked : RECORDED.lead
  return verdict === 'refused' && network === undefined ? RECORDED.refused : RECORDED.open
}

/** The first of some fields that is there, as `app tiktok`. */
function wordsOf(fields: Readonly<Record<string, unknown>>): string {
  const found = Object.entries(fields).find(([, value]) => typeof value === 'string')
  return found?.join(' ') ?? ''
}
