import type { Octets, Seconds } from '../base/units.js'
import { showRcode } from '../dns/rcode.js'
import { RRTYPE, showRrtype } from '../dns/rrtype.js'
import type { Snapshot } from '../policy/snapshot.js'
import { MATCH, NO_RCODE, PROTOCOL, VERDICT, type QueryEvent } from './event.js'
import { field, SnapshotPieces, type MatchedRule } from './pieces.js'
import { ClientField, type Keys } from './privacy/client-field.js'
import { IN_FULL, type PrivacyOptions } from './privacy/mode.js'
import { ownReverseName } from './privacy/own-name.js'
import { SCHEMA_VERSION } from './schema.js'
import { ascii, Text } from './text.js'

/** More than the longest line without the pieces that rules and settings decide. */
const LINE: Octets = 2048

/** Snapshots kept: events of the one before are under way while a new one comes in. */
const MOST_SNAPSHOTS = 4

const NOTHING = new Uint8Array(0)
const START = ascii(`{"v":${SCHEMA_VERSION},"time":"`)
const US = ascii(',"us":')
const EDE = ascii(',"ede":')
const END = ascii('}\n')

const PROTOCOLS = Object.keys(PROTOCOL).map(word => ascii(`,"protocol":"${word}","qname":"`))
const VERDICTS = Object.keys(VERDICT).map(verdict =>
  Object.keys(MATCH).map(match =>
    ascii(`,"verdict":"${verdict}"` + (match === 'none' ? '' : `,"match":"${match}"`))
  )
)
const QTYPES = new Map(Object.values(RRTYPE).map(qtype => [qtype as number, qtypeField(qtype)]))
/** RCODEs that fit into the header. RFC 1035 §4.1.1. */
const RCODES = Array.from({ length: 16 }, (_, rcode) => rcodeField(rcode))

/** Takes a full block. `false`: it still needs the octets, so they must not be written over. */
export type BlockSink = (block: Uint8Array, lines: number) => boolean

/**
 * Writes query events as lines of JSON into blocks: octets go straight into place, everything that
 * repeats is a prepared piece. Measured: 0.63 µs a line; JSON.stringify of an object 1.33 µs, before
 * name and address are made into text.
 */
export class Formatter {
  /** Events of a generation whose snapshot was not held. */
  unknown = 0
  readonly #text = new Text()
  readonly #snapshots = new Map<number, SnapshotPieces>()
  readonly #upstreams: readonly Uint8Array[]
  readonly #matchedRule: MatchedRule
  readonly #sink: BlockSink
  readonly #privacy: PrivacyOptions
  readonly #client: ClientField
  #lines = 0
  #second: Seconds = NaN
  /** `2023-03-13T09:26:53.` of that second. */
  #time: Uint8Array = NOTHING

  /**
   * @param upstreams what `QueryEvent.upstream` is an index in, as shown to people
   * @param keys of pseudonyms, where there are to be any
   */
  constructor(
    upstreams: readonly string[],
    matchedRule: MatchedRule,
    sink: BlockSink,
    privacy: PrivacyOptions = IN_FULL,
    keys?: Keys
  ) {
    this.#upstreams = upstreams.map(upstream => field('upstream', upstream))
    this.#matchedRule = matchedRule
    this.#sink = sink
    this.#privacy = privacy
    this.#client = new ClientField(privacy, keys)
  }

  /** Makes a snapshot known, before the first event of its generation. */
  addSnapshot(snapshot: Snapshot): void {
    this.#snapshots.set(snapshot.generation, this.#piecesOf(snapshot.generation, snapshot))
    for (const oldest of this.#snapshots.keys()) {
      if (this.#snapshots.size <= MOST_SNAPSHOTS) break
      this.#snapshots.delete(oldest)
    }
  }

  /** Lets go of all snapshots but the newest. */
  release(): void {
    const newest = Math.max(...this.#snapshots.keys())
    for (const generation of this.#snapshots.keys()) {
      if (generation !== newest) this.#snapshots.delete(generation)
    }
  }

  line(event: QueryEvent): void {
    const pieces = this.#snapshots.get(event.generation) ?? this.#stranger(event.generation)
    const network = pieces.network(event.clientClass)
    const asked = event.match === MATCH.qname ? event.qnameLength : 0
    const rule = event.claim < 0 ? NOTHING : pieces.rule(event.claim, event.record, asked)
    const upstream = this.#upstreams[event.upstream] ?? NOTHING
    this.#reserve(LINE + network.length + rule.length + upstream.length)

    const text = this.#text
    text.piece(START)
    this.#putTime(event.wall)
    text.piece(pieces.head)
    const mode = pieces.privacy(event.clientClass)
    this.#client.put(text, event.client, mode, event.wall)
    text.piece(network)
    text.piece(PROTOCOLS[event.protocol] ?? NOTHING)
    const own = mode === 'full' ? undefined : ownReverseName(event)
    if (own === undefined) text.name(event.qname, event.qnameLength)
    else text.piece(own)
    text.piece(QTYPES.get(event.qtype) ?? qtypeField(event.qtype))
    if (event.rcode !== NO_RCODE) text.piece(RCODES[event.rcode] ?? rcodeField(event.rcode))
    text.piece(VERDICTS[event.verdict]?.[event.match] ?? NOTHING)
    text.piece(rule)
    text.piece(upstream)
    text.piece(US)
    text.number(event.took)
    if (event.ede >= 0) {
      text.piece(EDE)
      text.number(event.ede)
    }
    text.piece(END)
    this.#lines++
  }

  /** Hands over what is written so far. */
  flush(): void {
    if (this.#lines === 0) return
    const lines = this.#lines
    this.#lines = 0
    if (this.#sink(this.#text.written, lines)) this.#text.clear()
    else this.#text.renew()
  }

  #reserve(octets: Octets): void {
    if (this.#text.fits(octets)) return
    this.flush()
    if (!this.#text.fits(octets)) this.#text.renew(octets)
  }

  #putTime(wall: number): void {
    const second = Math.floor(wall / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#time = ascii(new Date(second * 1000).toISOString().slice(0, -'000Z'.length))
    }
    this.#text.piece(this.#time)
    this.#text.milliseconds(Math.floor(wall) - second * 1000)
  }

  /** A generation that is not held, or no longer: the line says what the event alone can say. */
  #stranger(generation: number): SnapshotPieces {
    this.unknown++
    return this.#piecesOf(generation, undefined)
  }

  #piecesOf(generation: number, snapshot: Snapshot | undefined): SnapshotPieces {
    return new SnapshotPieces(generation, snapshot, this.#matchedRule, this.#privacy)
  }
}

function qtypeField(qtype: number): Uint8Array {
  return ascii(`","qtype":"${showRrtype(qtype)}"`)
}

function rcodeField(rcode: number): Uint8Array {
  return ascii(`,"rcode":"${showRcode(rcode)}"`)
}
