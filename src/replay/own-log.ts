import type { Octets, Seconds } from '../base/units.js'
import { PROTOCOL } from '../log/event.js'
import { SCHEMA_VERSION, type QueryRecord } from '../log/schema.js'
import type { Comparison } from './comparison.js'
import { NO_GROUND, RECORDED, type Ground, type LineReader } from './lookup.js'
import { addOctet, OctetBook } from './octet-book.js'
import { qtypeOf, Qtypes } from './qtypes.js'

const octetsOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')

// What stands between the values of a line, in the order in which our own log has them.
const HEAD = octetsOf(`{"v":${SCHEMA_VERSION},"time":"`)
const GENERATION = octetsOf('Z","generation":')
const SHA256 = octetsOf(',"sha256":"')
const SERIAL = octetsOf(',"serial":')
const CLIENT = octetsOf(',"client":"')
const PRIVACY = octetsOf(',"privacy":"')
const NETWORK = octetsOf(',"network":"')
const UDP = octetsOf(',"protocol":"udp","qname":"')
const TCP = octetsOf(',"protocol":"tcp","qname":"')
const QTYPE = octetsOf(',"qtype":"')
const RCODE = octetsOf(',"rcode":"')
const VERDICT = octetsOf(',"verdict":"')
const RULE = octetsOf(',"rule":"')
const MATCH_QNAME = octetsOf(',"match":"qname"')

const [QUOTE, BACKSLASH, COMMA, ZERO] = [0x22, 0x5c, 0x2c, 0x30]
/** `2023-03-13`, and all of a time up to its Z. */
const DATE: Octets = 10
const TIME: Octets = 23

/** Verdicts by their first letter; of those with the same one, all mean the same here. */
const BY_LETTER = new Map<number, number>(
  ['blocked', 'monitored', 'allowed', 'forwarded', 'cached', 'stale', 'local'].map(verdict => [
    verdict.charCodeAt(0),
    verdict === 'blocked' ? RECORDED.blocked : RECORDED.open
  ])
)
const OPEN = Uint8Array.from({ length: 256 }, (_, letter) =>
  BY_LETTER.get(letter) === RECORDED.open ? 1 : 0
)
const [B, R] = [0x62, 0x72]

/** A line as JSON: whoever wrote it, fields may be anything. */
type Line = Partial<Record<keyof QueryRecord, unknown>>

/**
 * Reads our own query log (docs/log.md). Lines are read as octets, by the order that fields have, and
 * make no garbage; one that looks different is read as JSON, in eight times the time.
 */
export class OwnLog implements LineReader {
  readonly #comparison: Comparison
  readonly #qtypes = new Qtypes()
  readonly #groundBook: OctetBook
  readonly #grounds: Ground[] = []
  /** The date last seen, as octets, and its first second. */
  readonly #date = new Uint8Array(DATE)
  #midnight: Seconds = NaN
  // The line at hand, for who asks what blocked it.
  #octets: Uint8Array = new Uint8Array(0)
  #from = 0
  #to = 0
  #verdictFrom = 0
  readonly #ground = (): Ground => this.#groundAtHand()

  constructor(comparison: Comparison) {
    this.#comparison = comparison
    const { seed } = comparison.clientBook
    this.#groundBook = new OctetBook(() => seed)
  }

  line(octets: Uint8Array, from: Octets, to: Octets): string | undefined {
    this.#octets = octets
    this.#from = from
    this.#to = to
    return this.#readFast() ? undefined : this.#readSlow()
  }

  /** Whether the line was as our own writer has it, and was taken. */
  #readFast(): boolean {
    const octets = this.#octets
    const to = this.#to
    let at = after(octets, this.#from, HEAD)
    if (at < 0) return false
    const when = this.#readTime(at)
    at = after(octets, at + TIME, GENERATION)
    if (at < 0 || when !== when) return false
    while (at < to && octets[at] !== COMMA) at++
    const sha256From = after(octets, at, SHA256)
    if (sha256From > 0) {
      for (at = sha256From; at < to && octets[at] !== QUOTE;) at++
      at++
    }
    const serialFrom = after(octets, at, SERIAL)
    if (serialFrom > 0) for (at = serialFrom; at < to && octets[at] !== COMMA;) at++
    at = after(octets, at, CLIENT)
    if (at < 0) return false

    const { clientBook, names } = this.#comparison
    const clientFrom = at
    let hash = clientBook.seed
    for (; at < to && octets[at] !== QUOTE; at++) hash = addOctet(hash, octets[at]!)
    const clientTo = at
    const privacyFrom = after(octets, ++at, PRIVACY)
    if (privacyFrom > 0) {
      for (at = privacyFrom; at < to && octets[at] !== QUOTE;) at++
      at++
    }
    const networkFrom = after(octets, at, NETWORK)
    let keyTo = clientTo
    if (networkFrom > 0) {
      for (at = networkFrom; at < to && octets[at] !== QUOTE; at++) {
        if (octets[at] === BACKSLASH) return false
        hash = addOctet(hash, octets[at]!)
      }
      keyTo = at++
    }

    let protocol: number = PROTOCOL.udp
    let nameFrom = after(octets, at, UDP)
    if (nameFrom < 0) {
      nameFrom = after(octets, at, TCP)
      if (nameFrom < 0) return false
      protocol = PROTOCOL.tcp
    }
    let nameHash = names.book.seed
    for (at = nameFrom; at < to && octets[at] !== QUOTE; at++) {
      if (octets[at] === BACKSLASH) return false
      nameHash = addOctet(nameHash, octets[at]!)
    }
    const nameTo = at
    const typeFrom = after(octets, at + 1, QTYPE)
    if (typeFrom < 0) return false
    for (at = typeFrom; at < to && octets[at] !== QUOTE;) at++
    const qtype = this.#qtypes.read(octets, typeFrom, at)
    const rcodeFrom = after(octets, at + 1, RCODE)
    if (rcodeFrom > 0) for (at = rcodeFrom; at < to && octets[at] !== QUOTE;) at++
    const verdictFrom = after(octets, at + 1, VERDICT)
    if (verdictFrom < 0 || verdictFrom >= to) return false
    this.#verdictFrom = verdictFrom
    const letter = octets[verdictFrom]!
    const recorded = this.#recorded(letter, verdictFrom, networkFrom > 0)
    if (recorded < 0) return false
    // Half a line may have all of this.
    if (octets[to - 1] !== 0x7d) return false

    const name = names.numberOf(octets, nameFrom, nameTo, nameHash)
    if (name < 0) return false
    const client = clientBook.numberOf(octets, clientFrom, keyTo, hash)
    if (client === this.#comparison.clients.length)
      this.#addClient(clientFrom, clientTo, networkFrom, keyTo)
    this.#comparison.add(when, client, name, qtype, protocol, recorded, this.#ground)
    return true
  }

  /** Of a verdict by its first letter, as `RECORDED`; -1: it takes a closer look. */
  #recorded(letter: number, verdictFrom: Octets, hasNetwork: boolean): number {
    if (OPEN[letter] === 1) return RECORDED.open
    if (letter === B) {
      const end = verdictFrom + 'blocked"'.length
      return after(this.#octets, end, MATCH_QNAME) > 0 ? RECORDED.blocked : RECORDED.lead
    }
    if (letter === R) return hasNetwork ? RECORDED.open : RECORDED.refused
    return -1
  }

  /** @param networkFrom -1: the line has none */
  #addClient(from: Octets, to: Octets, networkFrom: Octets, networkTo: Octets): void {
    const textOf = (start: Octets, end: Octets): string =>
      Buffer.from(this.#octets.subarray(start, end)).toString()
    const network = networkFrom < 0 ? undefined : textOf(networkFrom, networkTo)
    this.#comparison.addClient(textOf(from, to), network)
  }

  /** NaN where it is no time. Dates repeat, so each is worked out once. */
  #readTime(at: Octets): Seconds {
    const octets = this.#octets
    const date = this.#date
    let same = true
    for (let i = 0; i < DATE; i++) if (octets[at + i] !== date[i]) same = false
    if (!same) {
      date.set(octets.subarray(at, at + DATE))
      this.#midnight = Date.parse(Buffer.from(date).toString('latin1')) / 1000
    }
    const clock = at + DATE + 1
    return (
      this.#midnight +
      3600 * this.#twoDigits(clock) +
      60 * this.#twoDigits(clock + 3) +
      this.#twoDigits(clock + 6)
    )
  }

  #twoDigits(at: Octets): number {
    const tens = this.#octets[at]! - ZERO
    const ones = this.#octets[at + 1]! - ZERO
    return tens >>> 0 > 9 || ones >>> 0 > 9 ? NaN : 10 * tens + ones
  }

  #parse(): Line {
    const text = Buffer.from(this.#octets.subarray(this.#from, this.#to)).toString()
    return JSON.parse(text) as Line
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
    const line = Buffer.from(this.#octets.buffer, this.#octets.byteOffset, this.#octets.length)
    const to = line.indexOf(RULE, this.#verdictFrom)
    if (to === -1 || to > this.#to) return this.#groundOf(this.#parse())
    const book = this.#groundBook
    const hash = book.hash(line, this.#verdictFrom, to)
    const number = book.numberOf(line, this.#verdictFrom, to, hash)
    return (this.#grounds[number] ??= this.#groundOf(this.#parse()))
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

/** The position after `piece` where it stands at `at`; -1 where it does not. */
function after(octets: Uint8Array, at: Octets, piece: Uint8Array): Octets {
  const { length } = piece
  for (let i = 0; i < length; i++) if (octets[at + i] !== piece[i]) return -1
  return at + length
}
