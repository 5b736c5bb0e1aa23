import type { Octets } from '../../base/units.js'
import {
  labelsBelowZone,
  decodeSoa,
  type Soa,
  type ZoneRecord
} from '../../dns/message/zone-message.js'
import { ZoneFileWriter } from '../../dns/rdata/zone-file-writer.js'
import { RRTYPE, showRrtype } from '../../dns/registry/rrtype.js'
import { isNewer } from '../../dns/registry/serial.js'
import type { Version } from '../../zonefile/zone-journal.js'

/** What is wrong with what a primary sends, in the words of an error. */
export class TransferFlaw extends Error {}

/**
 * What came of asking for a zone.
 *
 * `same`    what is there is the newest
 * `whole`   all of it, as the lines of a new base
 * `changes` what has changed, version after version
 */
export type Transferred =
  | { readonly kind: 'same'; readonly soa: Soa }
  | { readonly kind: 'whole'; readonly soa: Soa; readonly text: Uint8Array }
  | { readonly kind: 'changes'; readonly soa: Soa; readonly versions: readonly Version[] }

/** Queries and records about messages, not data: they are in no zone. RFC 6895 §3.1. */
const FIRST_META = 249
const [MINUS, PLUS, TILDE] = [0x2d, 0x2b, 0x7e].map(sign => Uint8Array.of(sign)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array
]

/**
 * Takes the records of an answer to AXFR (RFC 5936 §2.2) or IXFR (RFC 1995 §4) in the order in which
 * they come. Nothing is made of it before its last record is here: the SOA it began with.
 */
export class ZoneReader {
  private readonly lines = new ZoneFileWriter()
  private readonly soaLine = new ZoneFileWriter()
  /** With which all begins and has to end. */
  private soa: Soa | undefined
  private first = ''
  private phase: 'start' | 'second' | 'whole' | 'removing' | 'adding' | 'done' = 'start'
  private kind: Transferred['kind'] = 'same'
  /** Of the version at hand: from which serial to which. */
  private old = 0
  private serial = 0
  private readonly versions: Version[] = []
  private size: Octets = 0

  /**
   * @param zone lower-cased wire form
   * @param have the serial of what is there, for IXFR; undefined: AXFR
   * @param most octets of lines
   */
  constructor(
    private readonly zone: Uint8Array,
    private readonly have: number | undefined,
    private readonly most: Octets
  ) {}

  get isDone(): boolean {
    return this.phase === 'done'
  }

  /** Whether there is more than may be. */
  get isTooLarge(): boolean {
    return this.size + this.lines.length > this.most
  }

  /** @throws TransferFlaw, InterdictError of `wire` */
  take(message: Uint8Array, record: ZoneRecord): void {
    const { type, owner } = record
    if (this.isDone) throw new TransferFlaw('there are records behind its end')
    const depth = labelsBelowZone(message, owner, this.zone)
    if (depth === -1) throw new TransferFlaw('a record is not in the zone')
    if (type === RRTYPE.OPT || (type >= FIRST_META && type <= RRTYPE.ANY)) {
      throw new TransferFlaw(`a record of type ${showRrtype(type)} is no data`)
    }
    if (type === RRTYPE.SOA) {
      if (depth !== 0) throw new TransferFlaw('an SOA is not at the apex')
      this.takeSoa(message, record)
    } else this.takeData(message, record)
  }

  /** @returns undefined while it is not done */
  get result(): Transferred | undefined {
    const { kind, soa, versions } = this
    if (!this.isDone || soa === undefined) return undefined
    if (kind === 'whole') return { kind, soa, text: this.lines.from(0) }
    return kind === 'changes' ? { kind, soa, versions } : { kind, soa }
  }

  private takeSoa(message: Uint8Array, record: ZoneRecord): void {
    const soa = decodeSoa(message, record)
    const line = this.lineOf(message, record)
    switch (this.phase) {
      case 'start':
        this.begin(soa, line)
        return
      case 'second':
        if (soa.serial === this.have) this.beginVersion(soa.serial)
        // A zone of an SOA alone, whole.
        else if (line === this.first) this.close('whole')
        else throw new TransferFlaw(`it goes from serial ${soa.serial}, not from ${this.have}`)
        return
      case 'whole':
        if (line !== this.first) throw new TransferFlaw('its last SOA is not its first')
        this.phase = 'done'
        return
      case 'removing':
        if (!isNewer(soa.serial, this.old)) throw new TransferFlaw('its serials do not go up')
        this.serial = soa.serial
        this.put(TILDE, message, record)
        this.phase = 'adding'
        return
      case 'adding':
        this.endVersion(soa.serial, line)
        return
      case 'done':
    }
  }

  private takeData(message: Uint8Array, record: ZoneRecord): void {
    switch (this.phase) {
      case 'start':
        throw new TransferFlaw('it does not begin with an SOA')
      case 'second':
        this.close('whole')
        this.phase = 'whole'
        this.add(message, record)
        return
      case 'whole':
        this.add(message, record)
        return
      case 'removing':
        this.put(MINUS, message, record)
        return
      case 'adding':
        this.put(PLUS, message, record)
        return
      case 'done':
    }
  }

  private begin(soa: Soa, line: string): void {
    this.soa = soa
    this.first = line
    const { have } = this
    if (have !== undefined && !isNewer(soa.serial, have)) this.close('same')
    else if (have !== undefined) this.phase = 'second'
    else {
      this.close('whole')
      this.phase = 'whole'
    }
  }

  /** Settles what it is; of a whole zone, the SOA is the first line. */
  private close(kind: Transferred['kind']): void {
    this.kind = kind
    this.phase = 'done'
    if (kind === 'whole') this.lines.put(Buffer.from(this.first, 'latin1'))
  }

  private beginVersion(from: number): void {
    this.old = from
    this.phase = 'removing'
  }

  /** What follows is the next version, or nothing more. */
  private endVersion(next: number, line: string): void {
    const lines = this.lines.from(0).slice()
    this.versions.push({ from: this.old, to: this.serial, lines })
    this.size += lines.length
    this.lines.clear()
    if (next !== this.serial) throw new TransferFlaw('its versions do not follow on each other')
    if (next === this.soa!.serial) {
      if (line !== this.first) throw new TransferFlaw('its last SOA is not its first')
      this.close('changes')
    } else this.beginVersion(next)
  }

  private put(sign: Uint8Array, message: Uint8Array, record: ZoneRecord): void {
    this.lines.put(sign)
    this.add(message, record)
  }

  private add(message: Uint8Array, { owner, fixed, end }: ZoneRecord): void {
    this.lines.add(message, owner, fixed, end)
  }

  private lineOf(message: Uint8Array, { owner, fixed, end }: ZoneRecord): string {
    this.soaLine.clear()
    this.soaLine.add(message, owner, fixed, end)
    return Buffer.from(this.soaLine.from(0)).toString('latin1')
  }
}
