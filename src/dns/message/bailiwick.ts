import type { Octets } from '../../base/units.js'
import { isAtOrBelow, isBelow, isSameName } from '../name/compressed-name.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'

/** Most CNAMEs in a row that are followed; the rest of a longer chain is cut off. */
export const MAX_CHAIN_LENGTH = 16
/** Names that records point to and that addresses are compared with, one by one. */
const MAX_ADDITIONAL_NAMES = 32
/** Octets of an RRSIG's RDATA before the signer's name. RFC 4034 §3.1. */
export const RRSIG_SIGNER_OFFSET: Octets = 18

/** Where in RDATA the name stands whose addresses ADDITIONAL may have. */
export const ADDITIONAL_NAME_OFFSET: Readonly<Record<number, Octets>> = {
  [RRTYPE.NS]: 0,
  [RRTYPE.MX]: 2,
  [RRTYPE.SRV]: 6,
  [RRTYPE.SVCB]: 2,
  [RRTYPE.HTTPS]: 2
}

/** Types of ADDITIONAL that help with a name that another record points to. */
export function isAdditionalType(type: number): boolean {
  switch (type) {
    case RRTYPE.A:
    case RRTYPE.AAAA:
    case RRTYPE.RRSIG:
    case RRTYPE.SVCB:
    case RRTYPE.HTTPS:
      return true
    default:
      return false
  }
}

/**
 * Sees all records of a response, in order, and says whether each obviously belongs to the
 * question, as with nearly every response. It may be wrong in one way only: what is `doubtful` may
 * still be in order, and `scrubResponse` knows. Nothing but the lists here is allocated.
 */
export class BailiwickCheck {
  isSuspect = false
  /** Names of the chain from QNAME on, where they stand. */
  private readonly chain: Octets[] = [HEADER_SIZE]
  private readonly additionalNames: Octets[] = []
  private hasData = false
  private dname: Octets = -1
  /** A zone that the chain is in, by AUTHORITY. */
  private zone: Octets = -1

  private message: Uint8Array = new Uint8Array(0)
  private qtype = 0
  private qclass = 0

  /** Begins with another response. */
  begin(message: Uint8Array, qtype: number, qclass: number): void {
    this.message = message
    this.qtype = qtype
    this.qclass = qclass
    this.isSuspect = false
    // An array that is cut loses its memory, and most have nothing to be cut off.
    if (this.chain.length > 1) this.chain.length = 1
    if (this.additionalNames.length > 0) this.additionalNames.length = 0
    this.hasData = false
    this.dname = -1
    this.zone = -1
  }

  /** @param at position after the owner name, `end` that after the record */
  check(section: number, owner: Octets, at: Octets, type: number, end: Octets): void {
    if (this.isSuspect) return
    const { message } = this
    const rrclass = (message[at + 2]! << 8) | message[at + 3]!
    const data = at + RECORD_FIXED_SIZE
    if (rrclass !== this.qclass && this.qclass !== RRCLASS.ANY) this.isSuspect = true
    else if (section === 0) this.isSuspect = !this.isInChain(owner, type, data)
    else if (section === 1) this.isSuspect = !this.isInAuthority(owner, type, data, end)
    else this.isSuspect = !isAdditionalType(type) || !this.isAdditionalName(owner)
    const offset = ADDITIONAL_NAME_OFFSET[type]
    if (offset !== undefined)
      this.addAdditionalName(message[data + offset] === 0 ? owner : data + offset)
  }

  private isInChain(owner: Octets, type: number, data: Octets): boolean {
    const { message, chain, qtype } = this
    const head = chain[chain.length - 1]!
    const follows = type !== qtype && qtype !== RRTYPE.ANY
    if (type === RRTYPE.RRSIG && follows) return this.isSignatureOfChain(owner)
    if (type === RRTYPE.DNAME && follows) {
      this.dname = owner
      return !this.hasData && isBelow(message, head, owner)
    }
    if (!isSameName(message, owner, head)) return false
    if (type === RRTYPE.CNAME && follows) return !this.hasData && this.extendChain(data)
    this.hasData = true
    return !follows
  }

  /** False where the chain goes back to itself, or is too long. */
  private extendChain(target: Octets): boolean {
    const { message, chain } = this
    if (chain.length > MAX_CHAIN_LENGTH) return false
    for (const name of chain) if (isSameName(message, name, target)) return false
    chain.push(target)
    return true
  }

  private isSignatureOfChain(owner: Octets): boolean {
    const { message, chain, dname } = this
    for (const name of chain) if (isSameName(message, name, owner)) return true
    return dname >= 0 && isSameName(message, dname, owner)
  }

  private isInAuthority(owner: Octets, type: number, data: Octets, end: Octets): boolean {
    const { message } = this
    switch (type) {
      case RRTYPE.SOA:
      case RRTYPE.NS:
        if (!this.isAtOrAboveChain(owner)) return false
        this.zone = owner
        return true
      case RRTYPE.DS:
        return this.isAtOrAboveChain(owner)
      case RRTYPE.RRSIG:
        if (data + RRSIG_SIGNER_OFFSET >= end || !this.isAtOrAboveChain(data + RRSIG_SIGNER_OFFSET))
          return false
        this.zone = data + RRSIG_SIGNER_OFFSET
        return isAtOrBelow(message, owner, this.zone)
      case RRTYPE.NSEC:
      case RRTYPE.NSEC3:
        return this.zone >= 0 && isAtOrBelow(message, owner, this.zone)
      default:
        return false
    }
  }

  /** At or above the last name of the chain, or the first. */
  private isAtOrAboveChain(owner: Octets): boolean {
    const { message, chain } = this
    const last = chain[chain.length - 1]!
    return isAtOrBelow(message, last, owner) || isAtOrBelow(message, HEADER_SIZE, owner)
  }

  private addAdditionalName(name: Octets): void {
    if (this.additionalNames.length === MAX_ADDITIONAL_NAMES) this.additionalNames.length = 0
    this.additionalNames.push(name)
  }

  private isAdditionalName(owner: Octets): boolean {
    for (const name of this.additionalNames) if (isSameName(this.message, name, owner)) return true
    return false
  }
}
