import type { Octets } from '../../base/units.js'
import { isAtOrBelow, isBelow, isSameName } from '../name/compressed-name.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'

/** Most CNAMEs of a chain that are followed; the rest of a longer chain is dropped. */
export const MAX_CHAIN_LENGTH = 16
/** Most names that the records of ADDITIONAL are compared with. */
const MAX_ADDITIONAL_NAMES = 32
/** Position of the signer's name in the RDATA of an RRSIG. RFC 4034 §3.1. */
export const RRSIG_SIGNER_OFFSET: Octets = 18

/** Position in RDATA of the name whose addresses may be in ADDITIONAL, by RR type. */
export const ADDITIONAL_NAME_OFFSET: Readonly<Record<number, Octets>> = {
  [RRTYPE.NS]: 0,
  [RRTYPE.MX]: 2,
  [RRTYPE.SRV]: 6,
  [RRTYPE.SVCB]: 2,
  [RRTYPE.HTTPS]: 2
}

/** Whether ADDITIONAL may have records of this type for a name that another record refers to. */
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
 * Checks all records of a response, in order, for whether they obviously belong to the question, as
 * in nearly every response. It errs on one side only: a suspect response may still be in order,
 * which `scrubResponse` finds out. Allocates nothing but its lists.
 */
export class BailiwickCheck {
  isSuspect = false
  /** Positions of the names of the CNAME chain, from QNAME on. */
  private readonly chain: Octets[] = [HEADER_SIZE]
  private readonly additionalNames: Octets[] = []
  private hasData = false
  private dname: Octets = -1
  /** Position of the name of a zone that contains the chain, according to AUTHORITY. */
  private zone: Octets = -1

  private message: Uint8Array = new Uint8Array(0)
  private qtype = 0
  private qclass = 0

  /** Starts a new response. */
  begin(message: Uint8Array, qtype: number, qclass: number): void {
    this.message = message
    this.qtype = qtype
    this.qclass = qclass
    this.isSuspect = false
    // Setting the length frees an array's memory, and most are empty already.
    if (this.chain.length > 1) this.chain.length = 1
    if (this.additionalNames.length > 0) this.additionalNames.length = 0
    this.hasData = false
    this.dname = -1
    this.zone = -1
  }

  /** Checks one record. @param at position after the owner name @param end position after the record */
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

  /** Appends a name to the chain. Returns false if the chain loops or is too long. */
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

  /** Whether the owner is at or above the last name of the chain, or the first. */
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
