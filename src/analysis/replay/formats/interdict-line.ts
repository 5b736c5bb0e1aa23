import type { Octets, Seconds } from '../../../base/units.js'
import { PROTOCOL, type Protocol } from '../../../lookups/event/query-event.js'
import { SCHEMA_VERSION } from '../../../lookups/event/schema.js'
import { RECORDED, type RecordedState } from '../parsed-lookup.js'
import { addWord } from '../octet-interner.js'
import { INPUT_BITS, bitOf, REASON_BITS } from './field-bits.js'
import { Literal, literal, type Scanner } from './scanner.js'

// The text between the values of a line, in the field order of the query log.
const HEAD = literal(`{"v":${SCHEMA_VERSION},"time":"`)
const GENERATION = literal('Z","generation":')
const SHA256 = literal(',"sha256":"')
const SERIAL = literal(',"serial":')
const PAUSED = literal(',"paused":"')
const CLIENT = literal(',"client":"')
const DEVICE = literal(',"device":"')
const PRIVACY = literal(',"privacy":"')
const NETWORK = literal(',"network":"')
const ADDRESS_NETWORK = literal(',"addressNetwork":"')
const UDP = literal(',"protocol":"udp","qname":"')
const TCP = literal(',"protocol":"tcp","qname":"')
const DOT = literal(',"protocol":"dot","qname":"')
const DOH = literal(',"protocol":"doh","qname":"')
const QTYPE = literal(',"qtype":"')
const RCODE = literal(',"rcode":"')
const VERDICT = literal(',"verdict":"')
const BLOCKED = literal('blocked","match":"')
const QNAME = literal('qname"')
const REFUSED = literal('refused"')
const PROBE = literal('probe"')
const OBSERVED = literal('observed"')

const [QUOTE, COMMA, POINT, ZERO, COLON] = [0x22, 0x2c, 0x2e, 0x30, 0x3a]
const [B, O, P, R, U, CLOSE] = [0x62, 0x6f, 0x70, 0x72, 0x75, 0x7d]
/** Length of `2023-03-13T09:26:`, and of a time up to its Z. */
const MINUTE: Octets = 17
const TIME: Octets = 23
/** Occurs in no line. */
const NOTHING = literal('\0\0\0\0')

/**
 * Positions of the values in a line of the query log. One instance is reused: parsing allocates
 * nothing, and compares parts that repeat from line to line as a whole.
 */
export class InterdictLine {
  /** Whole seconds since 1970. */
  time: Seconds = 0
  /** The fields about the client, with their hash; empty if there are none. */
  clientPartFrom: Octets = 0
  clientPartTo: Octets = 0
  clientPartHash = 0
  /** Values of these fields, after their quotes; -1 if missing. */
  clientFrom: Octets = -1
  deviceFrom: Octets = -1
  networkFrom: Octets = -1
  addressNetworkFrom: Octets = -1
  protocol: Protocol = PROTOCOL.udp
  nameFrom: Octets = 0
  nameTo: Octets = 0
  nameHash = 0
  qtypeFrom: Octets = 0
  qtypeTo: Octets = 0
  qtypeHash = 0
  verdictFrom: Octets = 0
  recorded: RecordedState = RECORDED.open
  private readonly scan: Scanner
  /** The most recent minute, and its first second. */
  private minute: Literal = NOTHING
  private minuteBegins: Seconds = NaN
  /** The fields about the rules (generation, digest) of the previous line. */
  private rules: Literal = NOTHING
  /** The constant part after the verdict, up to the first variable value, by recorded verdict. */
  private readonly afterVerdict: Literal[] = Object.values(RECORDED).map(() => NOTHING)

  constructor(scan: Scanner) {
    this.scan = scan
  }

  /** Whether the line has the expected form; otherwise it has to be parsed as JSON. */
  read(from: Octets, to: Octets): boolean {
    const time = this.scan.skip(from, HEAD)
    if (time < 0 || !this.readTime(time)) return false
    const who = this.afterRules(time + TIME, to)
    return this.readVerdict(this.readQuestion(this.readClientPart(who, to), to), to)
  }

  private readTime(at: Octets): boolean {
    const { octets } = this.scan
    if (this.scan.skip(at, this.minute) < 0 && !this.readMinute(at)) return false
    const tens = octets[at + 17]! - ZERO
    const ones = octets[at + 18]! - ZERO
    this.time = this.minuteBegins + 10 * tens + ones
    const isSecond = tens >>> 0 < 6 && ones >>> 0 < 10 && octets[at + 19] === POINT
    return isSecond && this.isDigit(at + 20) && this.isDigit(at + 21) && this.isDigit(at + 22)
  }

  private isDigit(at: Octets): boolean {
    return (this.scan.octets[at]! - ZERO) >>> 0 < 10
  }

  /** Minutes repeat, so each is parsed once. @returns whether it is valid */
  private readMinute(at: Octets): boolean {
    const minute = this.scan.octets.subarray(at, at + MINUTE)
    const text = minute.toString('latin1')
    // Checked with its last second: 24:00 has only the first.
    const last = /^\d{4}-\d\d-\d\dT\d\d:\d\d:$/.test(text) ? Date.parse(`${text}59Z`) : NaN
    if (Number.isNaN(last)) return false
    this.minuteBegins = last / 1000 - 59
    this.minute = new Literal(minute)
    return true
  }

  private afterRules(at: Octets, to: Octets): Octets {
    const scan = this.scan
    const same = scan.skip(at, this.rules)
    if (same >= 0) return same
    let end = this.afterNumber(scan.skip(at, GENERATION))
    const sha256 = scan.skip(end, SHA256)
    if (sha256 >= 0) end = this.afterString(sha256, to)
    const serial = scan.skip(end, SERIAL)
    if (serial >= 0) end = this.afterNumber(serial)
    const paused = scan.skip(end, PAUSED)
    if (paused >= 0) end = this.afterString(paused, to)
    if (end >= 0) this.rules = new Literal(scan.octets.subarray(at, end))
    return end
  }

  private afterNumber(from: Octets): Octets {
    if (from < 0) return -1
    let at = from
    while (this.isDigit(at)) at++
    const isNumber = at === from + 1 || (at > from && this.scan.octets[from] !== ZERO)
    return isNumber ? at : -1
  }

  private afterString(from: Octets, to: Octets): Octets {
    const end = this.scan.endOfString(from, to)
    return end < 0 ? -1 : end + 1
  }

  /** The client, its name, its privacy mode and its networks: each is optional. */
  private readClientPart(at: Octets, to: Octets): Octets {
    const scan = this.scan
    this.clientPartFrom = at
    this.clientPartHash = 0
    this.clientFrom = scan.skip(at, CLIENT)
    let end = this.afterOptional(at, this.clientFrom, to)
    this.deviceFrom = scan.skip(end, DEVICE)
    end = this.afterOptional(end, this.deviceFrom, to)
    end = this.afterOptional(end, scan.skip(end, PRIVACY), to)
    this.networkFrom = scan.skip(end, NETWORK)
    end = this.afterOptional(end, this.networkFrom, to)
    this.addressNetworkFrom = scan.skip(end, ADDRESS_NETWORK)
    end = this.afterOptional(end, this.addressNetworkFrom, to)
    this.clientPartTo = end
    return end
  }

  /** The position after the string that starts at `from`; `otherwise` if `from` is -1. */
  private afterOptional(otherwise: Octets, from: Octets, to: Octets): Octets {
    if (from < 0) return otherwise
    const end = this.afterString(from, to)
    this.clientPartHash = addWord(this.clientPartHash, this.scan.hash, 1)
    return end
  }

  private readQuestion(at: Octets, to: Octets): Octets {
    const scan = this.scan
    this.nameFrom = scan.skip(at, UDP)
    this.protocol = PROTOCOL.udp
    if (this.nameFrom < 0) {
      this.nameFrom = scan.skip(at, TCP)
      // Over TLS and HTTPS the same rules apply as over TCP.
      if (this.nameFrom < 0) this.nameFrom = scan.skip(at, DOT)
      if (this.nameFrom < 0) this.nameFrom = scan.skip(at, DOH)
      this.protocol = PROTOCOL.tcp
    }
    this.nameTo = scan.endOfString(this.nameFrom, to)
    this.nameHash = scan.hash
    this.qtypeFrom = scan.skip(this.nameTo < 0 ? -1 : this.nameTo + 1, QTYPE)
    this.qtypeTo = scan.endOfString(this.qtypeFrom, to)
    this.qtypeHash = scan.hash
    return this.qtypeTo < 0 ? -1 : this.qtypeTo + 1
  }

  private readVerdict(at: Octets, to: Octets): boolean {
    const scan = this.scan
    const rcode = scan.skip(at, RCODE)
    const from = scan.skip(rcode < 0 ? at : this.afterString(rcode, to), VERDICT)
    const end = this.afterString(from, to)
    if (end < 0) return false
    this.verdictFrom = from
    return this.readRecorded(from) && this.isWhole(end, to)
  }

  /** Verdicts that only start like the relevant ones are parsed as JSON. */
  private readRecorded(at: Octets): boolean {
    const scan = this.scan
    const letter = scan.octets[at]
    this.recorded = RECORDED.open
    if (letter === B) {
      const match = scan.skip(at, BLOCKED)
      this.recorded = scan.skip(match, QNAME) < 0 ? RECORDED.indirect : RECORDED.blocked
      return match >= 0
    }
    // Lookups of the gateway itself are left out, which the other parser does.
    if (letter === P) return scan.skip(at, PROBE) < 0
    if (letter === O) return scan.skip(at, OBSERVED) < 0
    if (letter !== R) return true
    if (this.networkFrom < 0) this.recorded = RECORDED.refused
    return scan.skip(at, REFUSED) >= 0
  }

  /**
   * Whether `[from, to)`, after a verdict, consists of fields only: a truncated line could have every
   * value that is needed. The fields after a verdict repeat from line to line, up to the pattern.
   *
   * JSON takes the last of repeated fields, so no field that was read may occur again, and no field
   * that names the rule after the rule.
   */
  private isWhole(from: Octets, to: Octets): boolean {
    const { octets } = this.scan
    const known = this.scan.skip(this.verdictFrom, this.afterVerdict[this.recorded]!)
    let isKnown = known >= 0
    let seen = isKnown ? INPUT_BITS | REASON_BITS : INPUT_BITS
    let at = isKnown ? this.afterValue(known, to) : from
    while (at >= 0 && octets[at] === COMMA && octets[at + 1] === QUOTE) {
      const colon = this.afterString(at + 2, to)
      if (octets[colon] !== COLON) return false
      const first = octets[at + 2]!
      const bit = bitOf(first, octets[colon - 2]!)
      if ((seen & bit) !== 0) return false
      seen |= first === P || first === R || first === U ? REASON_BITS : bit
      if (!isKnown && (first === P || first === U)) {
        this.afterVerdict[this.recorded] = new Literal(octets.subarray(this.verdictFrom, colon + 1))
        isKnown = true
      }
      at = this.afterValue(colon + 1, to)
    }
    return octets[at] === CLOSE && at === to - 1
  }

  private afterValue(at: Octets, to: Octets): Octets {
    const isString = this.scan.octets[at] === QUOTE
    return isString ? this.afterString(at + 1, to) : this.afterNumber(at)
  }
}
