import type { Octets } from '../../base/units.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { ClientField, type Keys } from '../privacy/client-field.js'
import { IN_FULL, type PrivacyOptions } from '../privacy/privacy-mode.js'
import { ownReverseName } from '../privacy/reverse-name.js'
import { MATCH, type QueryEvent } from './query-event.js'
import { Opening } from './line-prefix.js'
import { Outcomes } from './outcome-fields.js'
import { field, SnapshotPieces, type MatchedRule } from './snapshot-fields.js'
import { ascii, Text } from './line-buffer.js'

/** More than the longest line without the pieces that rules and settings decide. */
const LINE: Octets = 2048

/** Snapshots kept: events of the one before are under way while a new one comes in. */
const MOST_SNAPSHOTS = 4

/** Before the time that the lookup took. */
const US = ',"us":'
const END = ascii('}\n')
/** How a line ends, by EDE. IANA has given out these INFO-CODEs; others are made as they come. */
const EDES = Array.from({ length: 64 }, (_, ede) => edeEnd(ede))

/** Takes a full block. `false`: it still needs the octets, so they must not be written over. */
export type BlockSink = (block: Uint8Array, lines: number) => boolean

/**
 * Writes query events as lines of JSON into blocks: octets go straight into place, everything that
 * repeats is a prepared piece. Measured: 0.4 µs a line; JSON.stringify of an object 1.33 µs, before
 * name and address are made into text.
 */
export class Formatter {
  /** Events of a generation whose snapshot was not held. */
  unknown = 0
  private readonly text = new Text()
  private readonly snapshots = new Map<number, SnapshotPieces>()
  /** Those asked for last, which are those of nearly every event. */
  private pieces: SnapshotPieces | undefined
  private readonly opening = new Opening()
  private readonly outcomes = new Outcomes()
  private readonly noUpstream = ascii(US)
  private readonly upstreams: readonly Uint8Array[]
  private readonly matchedRule: MatchedRule
  private readonly sink: BlockSink
  private readonly privacy: PrivacyOptions
  private readonly client: ClientField
  private lines = 0

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
    this.upstreams = upstreams.map(upstream =>
      Buffer.concat([field('upstream', upstream), ascii(US)])
    )
    this.matchedRule = matchedRule
    this.sink = sink
    this.privacy = privacy
    this.client = new ClientField(privacy, keys)
  }

  /** Makes a snapshot known, before the first event of its generation. */
  addSnapshot(snapshot: Snapshot): void {
    this.pieces = undefined
    this.snapshots.set(snapshot.generation, this.piecesOf(snapshot.generation, snapshot))
    for (const oldest of this.snapshots.keys()) {
      if (this.snapshots.size <= MOST_SNAPSHOTS) break
      this.snapshots.delete(oldest)
    }
  }

  /** Lets go of all snapshots but the newest. */
  release(): void {
    this.pieces = undefined
    const newest = Math.max(...this.snapshots.keys())
    for (const generation of this.snapshots.keys()) {
      if (generation !== newest) this.snapshots.delete(generation)
    }
  }

  line(event: QueryEvent): void {
    const pieces = this.piecesFor(event.generation)
    const middle = pieces.middle(event.clientClass, event.protocol)
    const asked = event.match === MATCH.qname ? event.qnameLength : 0
    const rule = pieces.rule(event.claim, event.entry)
    const matched = pieces.matched(rule, event.claim, event.entry, asked)
    const upstream = this.upstream(event.upstream)
    this.reserve(LINE + middle.length + rule.rule.length + matched.length + upstream.length)

    const text = this.text
    text.piece(this.opening.of(pieces.head, event.wall))
    const mode = pieces.privacy(event.clientClass)
    this.client.put(text, event.client, mode, event.wall)
    text.piece(middle)
    const own = mode === 'full' ? undefined : ownReverseName(event)
    if (own === undefined) text.name(event.qname, event.qnameLength)
    else text.piece(own)
    text.piece(this.outcomes.of(event))
    text.piece(rule.rule)
    text.piece(matched)
    text.piece(upstream)
    text.number(event.took)
    text.piece(event.ede < 0 ? END : (EDES[event.ede] ?? edeEnd(event.ede)))
    this.lines++
  }

  /** Hands over what is written so far. */
  flush(): void {
    if (this.lines === 0) return
    const lines = this.lines
    this.lines = 0
    if (this.sink(this.text.written, lines)) this.text.clear()
    else this.text.renew()
  }

  private reserve(octets: Octets): void {
    if (this.text.fits(octets)) return
    this.flush()
    if (!this.text.fits(octets)) this.text.renew(octets)
  }

  private upstream(index: number): Uint8Array {
    // An index below 0 is asked for as a property by its name, which costs 50 ns.
    return index < 0 ? this.noUpstream : (this.upstreams[index] ?? this.noUpstream)
  }

  private piecesFor(generation: number): SnapshotPieces {
    const last = this.pieces
    if (last?.generation === generation) return last
    const held = this.snapshots.get(generation)
    if (held === undefined) return this.stranger(generation)
    return (this.pieces = held)
  }

  /** A generation that is not held, or no longer: the line says what the event alone can say. */
  private stranger(generation: number): SnapshotPieces {
    this.unknown++
    return this.piecesOf(generation, undefined)
  }

  private piecesOf(generation: number, snapshot: Snapshot | undefined): SnapshotPieces {
    return new SnapshotPieces(generation, snapshot, this.matchedRule, this.privacy)
  }
}

function edeEnd(ede: number): Uint8Array {
  return ascii(`,"ede":${ede}}\n`)
}
