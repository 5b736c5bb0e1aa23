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
export class TransferError extends Error {}

/**
 * What came of asking for a zone.
 *
 * `same`    what is there is the newest
 * `whole`   all of it, as the lines of a new base
 * `changes` what has changed, version after version
 */
export type TransferResult =
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
export class TransferReader {
  private readonly lines = new ZoneFileWriter()
  private readonly soaLine = new ZoneFileWriter()
  /** With which all begins and has to end. */
  private soa: Soa | undefined
  private firstLine = ''
  private phase: 'start' | 'second' | 'whole' | 'removing' | 'adding' | 'done' = 'start'
  private kind: TransferResult['kind'] = 'same'
  /** Of the version at hand: from which serial to which. */
  private fromSerial = 0
  private toSerial = 0
  private readonly versions: Version[] = []
  private size: Octets = 0

  /**
   * @param zone lower-cased wire form
   * @param currentSerial the serial of what is there, for IXFR; undefined: AXFR
   * @param maxSize octets of lines
   */
  constructor(
    private readonly zone: Uint8Array,
    private readonly currentSerial: number | undefined,
    private readonly maxSize: Octets
  ) {}

  get isDone(): boolean {
    return this.phase === 'done'
  }

  /** Whether there is more than may be. */
  get isTooLarge(): boolean {
    return this.size + this.lines.length > this.maxSize
  }

  /** @throws TransferFlaw, InterdictError of `wire` */
  add(message: Uint8Array, record: ZoneRecord): void {
    const { type, owner } = record
    if (this.isDone) throw new TransferError('there are records behind its end')
    const depth = labelsBelowZone(message, owner, this.zone)
    if (depth === -1) throw new TransferError('a record is not in the zone')
    if (type === RRTYPE.OPT || (type >= FIRST_META && type <= RRTYPE.ANY)) {
      throw new TransferError(`a record of type ${showRrtype(type)} is no data`)
    }
    if (type === RRTYPE.SOA) {
      if (depth !== 0) throw new TransferError('an SOA is not at the apex')
      this.addSoa(message, record)
    } else this.addData(message, record)
  }

  /** @returns undefined while it is not done */
  get result(): TransferResult | undefined {
    const { kind, soa, versions } = this
    if (!this.isDone || soa === undefined) return undefined
    if (kind === 'whole') return { kind, soa, text: this.lines.from(0) }
    return kind === 'changes' ? { kind, soa, versions } : { kind, soa }
  }

  private addSoa(message: Uint8Array, record: ZoneRecord): void {
    const soa = decodeSoa(message, record)
    const line = this.lineOf(message, record)
    switch (this.phase) {
      case 'start':
        this.begin(soa, line)
        return
      case 'second':
        if (soa.serial === this.currentSerial) this.beginVersion(soa.serial)
        // A zone of an SOA alone, whole.
        else if (line === this.firstLine) this.finish('whole')
        else
          throw new TransferError(
            `it goes from serial ${soa.serial}, not from ${this.currentSerial}`
          )
        return
      case 'whole':
        if (line !== this.firstLine) throw new TransferError('its last SOA is not its first')
        this.phase = 'done'
        return
      case 'removing':
        if (!isNewer(soa.serial, this.fromSerial))
          throw new TransferError('its serials do not go up')
        this.toSerial = soa.serial
        this.appendChange(TILDE, message, record)
        this.phase = 'adding'
        return
      case 'adding':
        this.endVersion(soa.serial, line)
        return
      case 'done':
    }
  }

  private addData(message: Uint8Array, record: ZoneRecord): void {
    switch (this.phase) {
      case 'start':
        throw new TransferError('it does not begin with an SOA')
      case 'second':
        this.finish('whole')
        this.phase = 'whole'
        this.appendLine(message, record)
        return
      case 'whole':
        this.appendLine(message, record)
        return
      case 'removing':
        this.appendChange(MINUS, message, record)
        return
      case 'adding':
        this.appendChange(PLUS, message, record)
        return
      case 'done':
    }
  }

  private begin(soa: Soa, line: string): void {
    this.soa = soa
    this.firstLine = line
    const { currentSerial: have } = this
    if (have !== undefined && !isNewer(soa.serial, have)) this.finish('same')
    else if (have !== undefined) this.phase = 'second'
    else {
      this.finish('whole')
      this.phase = 'whole'
    }
  }

  /** Settles what it is; of a whole zone, the SOA is the first line. */
  private finish(kind: TransferResult['kind']): void {
    this.kind = kind
    this.phase = 'done'
    if (kind === 'whole') this.lines.put(Buffer.from(this.firstLine, 'latin1'))
  }

  private beginVersion(from: number): void {
    this.fromSerial = from
    this.phase = 'removing'
  }

  /** What follows is the next version, or nothing more. */
  private endVersion(next: number, line: string): void {
    const lines = this.lines.from(0).slice()
    this.versions.push({ from: this.fromSerial, to: this.toSerial, lines })
    this.size += lines.length
    this.lines.clear()
    if (next !== this.toSerial) throw new TransferError('its versions do not follow on each other')
    if (next === this.soa!.serial) {
      if (line !== this.firstLine) throw new TransferError('its last SOA is not its first')
      this.finish('changes')
    } else this.beginVersion(next)
  }

  private appendChange(sign: Uint8Array, message: Uint8Array, record: ZoneRecord): void {
    this.lines.put(sign)
    this.appendLine(message, record)
  }

  private appendLine(message: Uint8Array, { owner, fixed, end }: ZoneRecord): void {
    this.lines.add(message, owner, fixed, end)
  }

  private lineOf(message: Uint8Array, { owner, fixed, end }: ZoneRecord): string {
    this.soaLine.clear()
    this.soaLine.add(message, owner, fixed, end)
    return Buffer.from(this.soaLine.from(0)).toString('latin1')
  }
}
