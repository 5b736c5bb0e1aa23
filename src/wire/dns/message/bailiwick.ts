import type { Octets } from '../../../base/units.js'
import { isAtOrBelow, isBelow, isSameName } from '../name/compressed-name.js'
import type { NameBudget } from '../name/name-budget.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, RECORD_FIXED_SIZE } from '../registry/sizes.js'

/** Most CNAMEs of a chain that are followed; the rest of a longer chain is dropped. */
export const MAX_CHAIN_LENGTH = 16
/** Position of the signer's name in the RDATA of an RRSIG. RFC 4034 §3.1. */
export const RRSIG_SIGNER_OFFSET: Octets = 18

/**
 * Whether a record in AUTHORITY is of a type that clients need: SOA, and proofs of DNSSEC with their
 * signatures. Name servers are dropped: a client of a forwarder has no use for them.
 *
 * @param data position of RDATA, which begins with the type covered in an RRSIG. RFC 4034 §3.1
 */
export function isNeededInAuthority(message: Uint8Array, type: number, data: Octets): boolean {
  switch (type) {
    case RRTYPE.SOA:
    case RRTYPE.DS:
    case RRTYPE.NSEC:
    case RRTYPE.NSEC3:
      return true
    case RRTYPE.RRSIG: {
      const covered = (message[data]! << 8) | message[data + 1]!
      return covered !== RRTYPE.RRSIG && isNeededInAuthority(message, covered, data)
    }
    default:
      return false
  }
}

/**
 * Checks the records of ANSWER and AUTHORITY, in order, for whether they obviously belong to the
 * question, as in nearly every response. It errs on one side only: a suspect response may still be in
 * order, which `scrubResponse` finds out. Allocates nothing but its lists.
 */
export class BailiwickCheck {
  isSuspect = false
  /** Positions of the names of the CNAME chain, from QNAME on. */
  private readonly chain: Octets[] = [HEADER_SIZE]
  private hasData = false
  private dname: Octets = -1
  /** Whether there was a DNAME for the last name of the chain. */
  private hasDname = false
  /** Position of the name of a zone that contains the chain, according to AUTHORITY. */
  private zone: Octets = -1

  private message: Uint8Array = new Uint8Array(0)
  private qtype = 0
  private qclass = 0

  constructor(private readonly budget: NameBudget) {}

  /** Starts a new response. */
  begin(message: Uint8Array, qtype: number, qclass: number): void {
    this.message = message
    this.qtype = qtype
    this.qclass = qclass
    this.isSuspect = false
    // Setting the length frees an array's memory, and most are empty already.
    if (this.chain.length > 1) this.chain.length = 1
    this.hasData = false
    this.dname = -1
    this.hasDname = false
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
    else this.isSuspect = !this.isInAuthority(owner, type, data, end)
  }

  private isInChain(owner: Octets, type: number, data: Octets): boolean {
    const { message, chain, qtype, budget } = this
    const head = chain[chain.length - 1]!
    const follows = type !== qtype && qtype !== RRTYPE.ANY
    if (type === RRTYPE.RRSIG && follows) return this.isSignatureOfChain(owner)
    if (type === RRTYPE.DNAME && follows) {
      if (this.hasDname) return false
      this.dname = owner
      this.hasDname = true
      return !this.hasData && isBelow(message, head, owner, budget)
    }
    if (!isSameName(message, owner, head, budget)) return false
    if (type === RRTYPE.CNAME && follows) return !this.hasData && this.extendChain(data)
    this.hasData = true
    return !follows
  }

  /** Appends a name to the chain. Returns false if the chain loops or is too long. */
  private extendChain(target: Octets): boolean {
    const { message, chain, budget } = this
    if (chain.length > MAX_CHAIN_LENGTH) return false
    for (const name of chain) if (isSameName(message, name, target, budget)) return false
    chain.push(target)
    this.hasDname = false
    return true
  }

  private isSignatureOfChain(owner: Octets): boolean {
    const { message, chain, dname, budget } = this
    for (const name of chain) if (isSameName(message, name, owner, budget)) return true
    return dname >= 0 && isSameName(message, dname, owner, budget)
  }

  private isInAuthority(owner: Octets, type: number, data: Octets, end: Octets): boolean {
    const { message, budget } = this
    switch (type) {
      case RRTYPE.SOA:
        if (!this.isAtOrAboveChain(owner)) return false
        this.zone = owner
        return true
      case RRTYPE.DS:
        return this.isAtOrAboveChain(owner)
      case RRTYPE.RRSIG:
        if (data + RRSIG_SIGNER_OFFSET >= end || !this.isAtOrAboveChain(data + RRSIG_SIGNER_OFFSET))
          return false
        this.zone = data + RRSIG_SIGNER_OFFSET
        return isAtOrBelow(message, owner, this.zone, budget)
      case RRTYPE.NSEC:
      case RRTYPE.NSEC3:
        return this.zone >= 0 && isAtOrBelow(message, owner, this.zone, budget)
      default:
        return false
    }
  }

  /** Whether the owner is at or above the last name of the chain, or the first. */
  private isAtOrAboveChain(owner: Octets): boolean {
    const { message, chain, budget } = this
    const last = chain[chain.length - 1]!
    return (
      isAtOrBelow(message, last, owner, budget) || isAtOrBelow(message, HEADER_SIZE, owner, budget)
    )
  }
}
