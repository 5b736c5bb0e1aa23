import { RRTYPE } from '../dns/registry/rrtype.js'
import {
  ancestorWith,
  countLabels,
  isAtOrBelow,
  isSame,
  parentOf,
  wildcardBelow
} from './canonical-name.js'
import { cutProofAt, type CutProof, type Proof } from './denial.js'
import { coversHash, hashName, MAX_ITERATIONS, type Nsec3 } from './nsec3.js'

interface Encloser {
  readonly name: Uint8Array
  readonly record: Nsec3
  /** Covers the name that is one label longer. */
  readonly nextCloser: Nsec3
}

/** Proofs from the NSEC3 records of one zone. RFC 5155 §8. */
export class Nsec3Proof {
  private readonly records: readonly Nsec3[]
  private readonly hashes = new Map<string, Uint8Array>()

  /**
   * @param records their signatures are verified
   * @param zone that signed them; records of others, and with parameters other than the first, are ignored (§8.2)
   * @param onHash called before each hash of a name, which has a price: see `ValidationBudget`
   */
  constructor(
    records: readonly Nsec3[],
    private readonly zone: Uint8Array,
    private readonly onHash: <T>(hash: () => T) => T
  ) {
    const own = records.filter(record => isSame(record.zone, zone))
    this.records = own.filter(record => hasSameParameters(record, own[0]!))
  }

  get isEmpty(): boolean {
    return this.records.length === 0
  }

  /** Iterations above the limit: nothing is hashed, and nothing can be proven. RFC 9276 §3.2. */
  get isTooCostly(): boolean {
    return (this.records[0]?.parameters.iterations ?? 0) > MAX_ITERATIONS
  }

  /** §8.4. */
  nameError(name: Uint8Array): Proof {
    if (this.isTooCostly) return 'insecure'
    const encloser = this.closestEncloser(name)
    if (typeof encloser === 'string') return encloser
    const wildcard = wildcardBelow(encloser.name)
    if (wildcard === undefined || this.covering(wildcard) === undefined) return 'unproven'
    return encloser.nextCloser.isOptOut ? 'insecure' : 'proven'
  }

  /** §8.5 to §8.7, and erratum 3441 for empty non-terminals in an opt-out span. */
  nodata(name: Uint8Array, type: number): Proof {
    if (this.isTooCostly) return 'insecure'
    const own = this.matching(name)
    if (own !== undefined) return this.nodataAt(own, name, type)
    const encloser = this.closestEncloser(name)
    if (typeof encloser === 'string') return encloser
    const wildcard = wildcardBelow(encloser.name)
    const at = wildcard && this.matching(wildcard)
    if (at !== undefined && !at.types.lacks(type, false)) return 'unproven'
    if (encloser.nextCloser.isOptOut) return 'insecure'
    return at === undefined ? 'unproven' : 'proven'
  }

  /** §8.8. @param labels of the wildcard without its `*` */
  expansion(name: Uint8Array, labels: number): Proof {
    if (this.isTooCostly) return 'insecure'
    const covering = this.covering(ancestorWith(name, labels + 1))
    if (covering === undefined) return 'unproven'
    return covering.isOptOut ? 'insecure' : 'proven'
  }

  /** What the absence of DS at a name means. §8.6. */
  cut(name: Uint8Array): CutProof {
    if (this.isTooCostly) return 'insecure'
    const own = this.matching(name)
    if (own !== undefined) return cutProofAt(own.types, name.length === 1)
    const encloser = this.closestEncloser(name)
    if (encloser === 'insecure' || encloser === 'unproven') return encloser
    return encloser.nextCloser.isOptOut ? 'insecure' : 'no-cut'
  }

  private nodataAt({ types }: Nsec3, name: Uint8Array, type: number): Proof {
    if (types.lacks(type, name.length === 1)) return 'proven'
    const isUnsignedChild = types.isDelegation && !types.has(RRTYPE.DS) && type !== RRTYPE.DS
    return isUnsignedChild ? 'insecure' : 'unproven'
  }

  /** The nearest ancestor of a name that exists, with proof that the name does not. §8.3. */
  private closestEncloser(name: Uint8Array): Encloser | 'insecure' | 'unproven' {
    let candidate: Uint8Array | undefined = name
    while (candidate !== undefined && isAtOrBelow(candidate, this.zone)) {
      const record = this.matching(candidate)
      if (record !== undefined) return this.proveEncloser(name, candidate, record)
      candidate = parentOf(candidate)
    }
    return 'unproven'
  }

  private proveEncloser(
    name: Uint8Array,
    encloser: Uint8Array,
    record: Nsec3
  ): Encloser | 'insecure' | 'unproven' {
    const { types } = record
    if (encloser.length === name.length || types.has(RRTYPE.DNAME)) return 'unproven'
    if (types.isDelegation) return types.has(RRTYPE.DS) ? 'unproven' : 'insecure'
    const nextCloser = this.covering(ancestorWith(name, countLabels(encloser) + 1))
    return nextCloser === undefined ? 'unproven' : { name: encloser, record, nextCloser }
  }

  private matching(name: Uint8Array): Nsec3 | undefined {
    const hash = this.hashOf(name)
    return this.records.find(record => isSame(record.hash, hash))
  }

  private covering(name: Uint8Array): Nsec3 | undefined {
    const hash = this.hashOf(name)
    return this.records.find(record => coversHash(record, hash))
  }

  private hashOf(name: Uint8Array): Uint8Array {
    const key = Buffer.from(name).toString('latin1')
    let hash = this.hashes.get(key)
    if (hash === undefined) {
      const { parameters } = this.records[0]!
      hash = this.onHash(() => hashName(name, parameters))
      this.hashes.set(key, hash)
    }
    return hash
  }
}

function hasSameParameters({ parameters: a }: Nsec3, { parameters: b }: Nsec3): boolean {
  return a.iterations === b.iterations && isSame(a.salt, b.salt)
}
