import type { Octets, Seconds } from '../../base/units.js'
import { PROTOCOL } from '../../querylog/record/query-event.js'
import { SCHEMA_VERSION } from '../../querylog/record/schema.js'
import { RECORDED } from '../lookup.js'
import { addWord } from '../octet-book.js'
import { BEFORE_BITS, bitOf, BY_WHAT_BITS } from './field-bits.js'
import { Piece, pieceOf, type Scanner } from './scanner.js'

// What stands between the values of a line, in the order in which our own log has them.
const HEAD = pieceOf(`{"v":${SCHEMA_VERSION},"time":"`)
const GENERATION = pieceOf('Z","generation":')
const SHA256 = pieceOf(',"sha256":"')
const SERIAL = pieceOf(',"serial":')
const CLIENT = pieceOf(',"client":"')
const PRIVACY = pieceOf(',"privacy":"')
const NETWORK = pieceOf(',"network":"')
const UDP = pieceOf(',"protocol":"udp","qname":"')
const TCP = pieceOf(',"protocol":"tcp","qname":"')
const QTYPE = pieceOf(',"qtype":"')
const RCODE = pieceOf(',"rcode":"')
const VERDICT = pieceOf(',"verdict":"')
const BLOCKED = pieceOf('blocked","match":"')
const QNAME = pieceOf('qname"')
const REFUSED = pieceOf('refused"')

const [QUOTE, COMMA, DOT, ZERO, COLON] = [0x22, 0x2c, 0x2e, 0x30, 0x3a]
const [B, P, R, U, CLOSE] = [0x62, 0x70, 0x72, 0x75, 0x7d]
/** `2023-03-13T09:26:`, and all of a time up to its Z. */
const MINUTE: Octets = 17
const TIME: Octets = 23
/** No piece of any line. */
const NOTHING = pieceOf('\0\0\0\0')

/**
 * Where the values stand in a line as our own writer has it. Filled again and again: reading a line
 * makes no garbage, and compares what repeats from line to line as a whole.
 */
export class OwnLine {
  /** In seconds since 1970, whole ones. */
  time: Seconds = 0
  /** All that the line says of who asked; its hash. Empty where it says nothing. */
  whoFrom: Octets = 0
  whoTo: Octets = 0
  whoHash = 0
  /** The client, and the id of its network, in their quotes; -1: the line has none. */
  clientFrom: Octets = -1
  networkFrom: Octets = -1
  protocol: number = PROTOCOL.udp
  nameFrom: Octets = 0
  nameTo: Octets = 0
  nameHash = 0
  qtypeFrom: Octets = 0
  qtypeTo: Octets = 0
  qtypeHash = 0
  verdictFrom: Octets = 0
  /** One of `RECORDED`. */
  recorded: number = RECORDED.open
  readonly #scan: Scanner
  /** The minute last seen, and its first second. */
  #minute: Piece = NOTHING
  #minuteBegins: Seconds = NaN
  /** From the end of the time to who asked, as the last line had it: which rules decided. */
  #rules: Piece = NOTHING
  /** From the verdict to the first value that is another one each time, by what is recorded. */
  readonly #became: Piece[] = Object.values(RECORDED).map(() => NOTHING)

  constructor(scan: Scanner) {
    this.#scan = scan
  }

  /** Whether the line is such a one: else it takes a reader of JSON to say what it is. */
  read(from: Octets, to: Octets): boolean {
    const time = this.#scan.after(from, HEAD)
    if (time < 0 || !this.#readTime(time)) return false
    const who = this.#afterRules(time + TIME, to)
    return this.#readVerdict(this.#readQuestion(this.#readWho(who, to), to), to)
  }

  #readTime(at: Octets): boolean {
    const { octets } = this.#scan
    if (this.#scan.after(at, this.#minute) < 0 && !this.#turn(at)) return false
    const tens = octets[at + 17]! - ZERO
    const ones = octets[at + 18]! - ZERO
    this.time = this.#minuteBegins + 10 * tens + ones
    const isSecond = tens >>> 0 < 6 && ones >>> 0 < 10 && octets[at + 19] === DOT
    return isSecond && this.#isDigit(at + 20) && this.#isDigit(at + 21) && this.#isDigit(at + 22)
  }

  #isDigit(at: Octets): boolean {
    return (this.#scan.octets[at]! - ZERO) >>> 0 < 10
  }

  /** Minutes repeat, so each is worked out once. @returns whether it is one */
  #turn(at: Octets): boolean {
    const minute = this.#scan.octets.subarray(at, at + MINUTE)
    const text = minute.toString('latin1')
    // Its last second: of 24:00 there is none but the first.
    const last = /^\d{4}-\d\d-\d\dT\d\d:\d\d:$/.test(text) ? Date.parse(`${text}59Z`) : NaN
    if (Number.isNaN(last)) return false
    this.#minuteBegins = last / 1000 - 59
    this.#minute = new Piece(minute)
    return true
  }

  #afterRules(at: Octets, to: Octets): Octets {
    const scan = this.#scan
    const same = scan.after(at, this.#rules)
    if (same >= 0) return same
    let end = this.#afterNumber(scan.after(at, GENERATION))
    const sha256 = scan.after(end, SHA256)
    if (sha256 >= 0) end = this.#afterString(sha256, to)
    const serial = scan.after(end, SERIAL)
    if (serial >= 0) end = this.#afterNumber(serial)
    if (end >= 0) this.#rules = new Piece(scan.octets.subarray(at, end))
    return end
  }

  #afterNumber(from: Octets): Octets {
    if (from < 0) return -1
    let at = from
    while (this.#isDigit(at)) at++
    const isNumber = at === from + 1 || (at > from && this.#scan.octets[from] !== ZERO)
    return isNumber ? at : -1
  }

  #afterString(from: Octets, to: Octets): Octets {
    const end = this.#scan.quote(from, to)
    return end < 0 ? -1 : end + 1
  }

  /** The client, how it is written, and its network: any of them may not be there. */
  #readWho(at: Octets, to: Octets): Octets {
    const scan = this.#scan
    this.whoFrom = at
    this.whoHash = 0
    this.clientFrom = scan.after(at, CLIENT)
    let end = this.#afterWord(at, this.clientFrom, to)
    end = this.#afterWord(end, scan.after(end, PRIVACY), to)
    this.networkFrom = scan.after(end, NETWORK)
    end = this.#afterWord(end, this.networkFrom, to)
    this.whoTo = end
    return end
  }

  /** After the string that begins at `from`, which is of who asked; if that is -1, `otherwise`. */
  #afterWord(otherwise: Octets, from: Octets, to: Octets): Octets {
    if (from < 0) return otherwise
    const end = this.#afterString(from, to)
    this.whoHash = addWord(this.whoHash, this.#scan.hash, 1)
    return end
  }

  #readQuestion(at: Octets, to: Octets): Octets {
    const scan = this.#scan
    this.nameFrom = scan.after(at, UDP)
    this.protocol = PROTOCOL.udp
    if (this.nameFrom < 0) {
      this.nameFrom = scan.after(at, TCP)
      this.protocol = PROTOCOL.tcp
    }
    this.nameTo = scan.quote(this.nameFrom, to)
    this.nameHash = scan.hash
    this.qtypeFrom = scan.after(this.nameTo < 0 ? -1 : this.nameTo + 1, QTYPE)
    this.qtypeTo = scan.quote(this.qtypeFrom, to)
    this.qtypeHash = scan.hash
    return this.qtypeTo < 0 ? -1 : this.qtypeTo + 1
  }

  #readVerdict(at: Octets, to: Octets): boolean {
    const scan = this.#scan
    const rcode = scan.after(at, RCODE)
    const from = scan.after(rcode < 0 ? at : this.#afterString(rcode, to), VERDICT)
    const end = this.#afterString(from, to)
    if (end < 0) return false
    this.verdictFrom = from
    return this.#readRecorded(from) && this.#isWhole(end, to)
  }

  /** Verdicts that begin like those that matter are read as JSON. */
  #readRecorded(at: Octets): boolean {
    const scan = this.#scan
    const letter = scan.octets[at]
    this.recorded = RECORDED.open
    if (letter === B) {
      const match = scan.after(at, BLOCKED)
      this.recorded = scan.after(match, QNAME) < 0 ? RECORDED.lead : RECORDED.blocked
      return match >= 0
    }
    if (letter !== R) return true
    if (this.networkFrom < 0) this.recorded = RECORDED.refused
    return scan.after(at, REFUSED) >= 0
  }

  /**
   * Whether nothing but fields is in `[from, to)`, behind a verdict: half a line may have all that is
   * looked for. What became of a lookup repeats, up to where it says by which name.
   *
   * Of a field that comes twice JSON takes the second, so none that was looked at may come again;
   * from the rule on none that says what blocked.
   */
  #isWhole(from: Octets, to: Octets): boolean {
    const { octets } = this.#scan
    const known = this.#scan.after(this.verdictFrom, this.#became[this.recorded]!)
    let isKnown = known >= 0
    let seen = isKnown ? BEFORE_BITS | BY_WHAT_BITS : BEFORE_BITS
    let at = isKnown ? this.#afterValue(known, to) : from
    while (at >= 0 && octets[at] === COMMA && octets[at + 1] === QUOTE) {
      const colon = this.#afterString(at + 2, to)
      if (octets[colon] !== COLON) return false
      const first = octets[at + 2]!
      const bit = bitOf(first, octets[colon - 2]!)
      if ((seen & bit) !== 0) return false
      seen |= first === P || first === R || first === U ? BY_WHAT_BITS : bit
      if (!isKnown && (first === P || first === U)) {
        this.#became[this.recorded] = new Piece(octets.subarray(this.verdictFrom, colon + 1))
        isKnown = true
      }
      at = this.#afterValue(colon + 1, to)
    }
    return octets[at] === CLOSE && at === to - 1
  }

  #afterValue(at: Octets, to: Octets): Octets {
    const isString = this.#scan.octets[at] === QUOTE
    return isString ? this.#afterString(at + 1, to) : this.#afterNumber(at)
  }
}
