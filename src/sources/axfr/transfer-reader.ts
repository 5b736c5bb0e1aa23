import type { Octets } from '../../base/units.js'
import {
  labelsBelowZone,
  decodeSoa,
  type Soa,
  type ZoneRecord
} from '../../wire/dns/message/zone-message.js'
import { ZoneFileWriter } from '../../wire/dns/records/zone-file-writer.js'
import { RRTYPE, showRrtype } from '../../wire/dns/registry/rrtype.js'
import { isNewer } from '../../wire/dns/registry/serial.js'
import type { Version } from '../../wire/zonefile/zone-journal.js'

/** An invalid transfer; the message describes the fault. */
export class TransferError extends Error {}

/**
 * Result of a transfer.
 *
 * `same`     the copy is up to date
 * `whole`    the whole zone, as the lines of a new base
 * `changes`  the changes, version by version
 */
export type TransferResult =
  | { readonly kind: 'same'; readonly soa: Soa }
  | { readonly kind: 'whole'; readonly soa: Soa; readonly text: Uint8Array }
  | { readonly kind: 'changes'; readonly soa: Soa; readonly versions: readonly Version[] }

/** Meta types, QTYPEs and records about messages: they are in no zone. RFC 6895 §3.1. */
const FIRST_META = 249
const [MINUS, PLUS, TILDE] = [0x2d, 0x2b, 0x7e].map(sign => Uint8Array.of(sign)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array
]

/**
 * Reads the records of an AXFR response (RFC 5936 §2.2) or IXFR response (RFC 1995 §4) in order.
 * The result is available only after the last record: the SOA that the response began with.
 */
export class TransferReader {
  private readonly lines = new ZoneFileWriter()
  private readonly soaLine = new ZoneFileWriter()
  /** The SOA that starts and must end the transfer. */
  private soa: Soa | undefined
  private firstLine = ''
  private phase: 'start' | 'second' | 'whole' | 'removing' | 'adding' | 'done' = 'start'
  private kind: TransferResult['kind'] = 'same'
  /** Serials of the version being read. */
  private fromSerial = 0
  private toSerial = 0
  private readonly versions: Version[] = []
  private size: Octets = 0

  /**
   * @param zone wire format in lower case
   * @param currentSerial serial of the copy, for IXFR; undefined: AXFR
   * @param maxSize maximum number of octets of zone text
   */
  constructor(
    private readonly zone: Uint8Array,
    private readonly currentSerial: number | undefined,
    private readonly maxSize: Octets
  ) {}

  get isDone(): boolean {
    return this.phase === 'done'
  }

  /** Whether the zone text exceeds `maxSize`. */
  get isTooLarge(): boolean {
    return this.size + this.lines.length > this.maxSize
  }

  /** @throws TransferError, InterdictError of `dns` */
  add(message: Uint8Array, record: ZoneRecord): void {
    const { type, owner } = record
    if (this.isDone) throw new TransferError('records after the end')
    const depth = labelsBelowZone(message, owner, this.zone)
    if (depth === -1) throw new TransferError('a record is outside the zone')
    if (type === RRTYPE.OPT || (type >= FIRST_META && type <= RRTYPE.ANY)) {
      throw new TransferError(`a record of type ${showRrtype(type)} is not zone data`)
    }
    if (type === RRTYPE.SOA) {
      if (depth !== 0) throw new TransferError('an SOA record is not at the apex')
      this.addSoa(message, record)
    } else this.addData(message, record)
  }

  /** @returns undefined until `isDone` */
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
        // A zone with only an SOA.
        else if (line === this.firstLine) this.finish('whole')
        else
          throw new TransferError(
            `changes start at serial ${soa.serial}, not ${this.currentSerial}`
          )
        return
      case 'whole':
        if (line !== this.firstLine) throw new TransferError('first and last SOA differ')
        this.phase = 'done'
        return
      case 'removing':
        if (!isNewer(soa.serial, this.fromSerial))
          throw new TransferError('serials do not increase')
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
        throw new TransferError('the first record is not an SOA')
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

  /** Sets the kind of the result; for a whole zone, the SOA is the first line. */
  private finish(kind: TransferResult['kind']): void {
    this.kind = kind
    this.phase = 'done'
    if (kind === 'whole') this.lines.put(Buffer.from(this.firstLine, 'latin1'))
  }

  private beginVersion(from: number): void {
    this.fromSerial = from
    this.phase = 'removing'
  }

  /** Either the next version follows, or the transfer ends. */
  private endVersion(next: number, line: string): void {
    const lines = this.lines.from(0).slice()
    this.versions.push({ from: this.fromSerial, to: this.toSerial, lines })
    this.size += lines.length
    this.lines.clear()
    if (next !== this.toSerial) throw new TransferError('versions are not contiguous')
    if (next === this.soa!.serial) {
      if (line !== this.firstLine) throw new TransferError('first and last SOA differ')
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
