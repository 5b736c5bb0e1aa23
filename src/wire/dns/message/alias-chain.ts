import { copyOctets, setUint16, setUint32 } from '../../../base/bytes/octets.js'
import type { Octets, Seconds } from '../../../base/units.js'
import { MAX_NAME } from '../name/hashed-name.js'
import { RRCLASS } from '../registry/rrclass.js'
import { RRTYPE } from '../registry/rrtype.js'
import { HEADER_SIZE, QUESTION_FIXED_SIZE, RECORD_HEADER_SIZE } from '../registry/sizes.js'
import { isSameName } from './question.js'

/** Most CNAMEs before one answer: as many as BIND follows, `max-query-restarts`. */
export const MAX_ALIASES = 11

/**
 * CNAMEs from QNAME to the name that is resolved in its place: RFC 1034 §4.3.2, step 3a. Rules made
 * them, or an upstream did and a rule matches their target. Replies begin with them. One instance is
 * reused with its query; `append` allocates nothing.
 */
export class AliasChain {
  /** The records as they follow the question. */
  readonly octets = new Uint8Array(MAX_ALIASES * (RECORD_HEADER_SIZE + MAX_NAME))
  length: Octets = 0
  count = 0
  /** Offset from the header of the owner of the next record: of the last target, or of QNAME. */
  owner: Octets = HEADER_SIZE
  /** QNAME of the query, lower-cased; its length is 0 before the first `append`. */
  readonly qname = new Uint8Array(MAX_NAME)
  qnameLength: Octets = 0
  /** Extended errors of the first rule that has any, as encoded by `encodeEde`. */
  ede: Uint8Array | undefined

  clear(): void {
    this.length = 0
    this.count = 0
    this.owner = HEADER_SIZE
    this.qnameLength = 0
    this.ede = undefined
  }

  copyFrom(other: AliasChain): void {
    this.octets.set(other.octets.subarray(0, other.length))
    this.length = other.length
    this.count = other.count
    this.owner = other.owner
    this.qname.set(other.qname.subarray(0, other.qnameLength))
    this.qnameLength = other.qnameLength
    this.ede = other.ede
  }

  /**
   * Appends a CNAME from the current name to `target[0, length)`.
   *
   * @param name the current name, lower-cased, `nameLength` octets long
   * @param ede undefined: a local record, no rule, makes the alias
   * @returns false if the chain would loop or is too long
   */
  append(
    name: Uint8Array,
    nameLength: Octets,
    target: Uint8Array,
    length: Octets,
    ttl: Seconds,
    ede: Uint8Array | undefined
  ): boolean {
    const { octets } = this
    if (this.qnameLength === 0) {
      copyOctets(name, 0, nameLength, this.qname, 0)
      this.qnameLength = nameLength
    }
    this.ede ??= ede
    if (this.count === MAX_ALIASES || this.contains(target, length)) return false
    const at = this.length
    setUint16(octets, at, 0xc000 | this.owner)
    setUint16(octets, at + 2, RRTYPE.CNAME)
    setUint16(octets, at + 4, RRCLASS.IN)
    setUint32(octets, at + 6, ttl)
    setUint16(octets, at + 10, length)
    this.owner = HEADER_SIZE + this.qnameLength + QUESTION_FIXED_SIZE + at + RECORD_HEADER_SIZE
    this.length = copyOctets(target, 0, length, octets, at + RECORD_HEADER_SIZE)
    this.count++
    return true
  }

  /** Restores the chain as it was before the last appends. @param count, length, owner as they were */
  truncate(count: number, length: Octets, owner: Octets): void {
    if (count === 0) {
      this.clear()
      return
    }
    this.count = count
    this.length = length
    this.owner = owner
  }

  /** Whether the name is QNAME or a target in the chain. */
  private contains(name: Uint8Array, length: Octets): boolean {
    const { octets, qname } = this
    if (this.qnameLength === length && isSameName(qname, 0, name, length)) return true
    for (let at = 0; at < this.length;) {
      const size = (octets[at + 10]! << 8) | octets[at + 11]!
      if (size === length && isSameName(octets, at + RECORD_HEADER_SIZE, name, length)) return true
      at += RECORD_HEADER_SIZE + size
    }
    return false
  }
}
