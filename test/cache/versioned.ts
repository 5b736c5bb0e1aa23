import type { CacheMemory } from '../../src/cache/memory.js'
import type { Answer } from '../../src/dns/message/answer.js'
import { answerOf } from '../../bench/kit/answer.js'

/** What the threads of `shared.test.ts` share. */
export interface SharedState {
  readonly memory: CacheMemory
  readonly keys: number
  /** For each key, the latest version that a writer has begun to write, and that it has written. */
  readonly started: Int32Array
  readonly finished: Int32Array
  /** Words `STOP`, `READS` and `HITS`. */
  readonly control: Int32Array
}

export const STOP = 0
export const READS = 1
export const HITS = 2

export function keyOf(number: number): Uint8Array {
  const label = String(number)
  const octets = [
    label.length,
    ...Buffer.from(label),
    7,
    ...Buffer.from('example'),
    0,
    0,
    1,
    0,
    1,
    0
  ]
  return Uint8Array.from(octets)
}

/** An answer of which every part depends on its key and version. */
export function versionOf(key: number, version: number): Answer {
  const mark = mix(key, version)
  const octets = (length: number, salt: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => mix(mark + salt, i))
  return answerOf({
    body: octets(mark % 300, 1),
    rcode: mark & 15,
    answers: mark & 0xff,
    authorities: (mark >> 8) & 0xff,
    authentic: (mark & 1) === 1,
    ttls: Uint16Array.from({ length: mark % 5 }, (_, i) => mark + i),
    storedAt: version,
    lifetime: 1_000_000 + (mark & 0xff),
    upstream: mark & 7,
    targets: octets(mark % 20, 2),
    targetKinds: octets(mark % 3, 3),
    addresses: Uint32Array.from({ length: 4 * (mark % 3) }, (_, i) => mix(mark, i)),
    ede: mark % 4 === 0 ? { code: mark & 63, option: octets(6 + (mark % 10), 4) } : undefined
  })
}

/** Whether all parts of an answer are those of the version that it claims to be. */
export function isWhole(key: number, answer: Answer): boolean {
  const wanted = versionOf(key, answer.storedAt)
  return (
    answer.rcode === wanted.rcode &&
    answer.answers === wanted.answers &&
    answer.authorities === wanted.authorities &&
    answer.authentic === wanted.authentic &&
    answer.lifetime === wanted.lifetime &&
    answer.upstream === wanted.upstream &&
    answer.ede?.code === wanted.ede?.code &&
    isEqual(answer.body, wanted.body) &&
    isEqual(answer.ttls, wanted.ttls) &&
    isEqual(answer.targets, wanted.targets) &&
    isEqual(answer.targetKinds, wanted.targetKinds) &&
    isEqual(answer.addresses, wanted.addresses) &&
    isEqual(answer.ede?.option ?? [], wanted.ede?.option ?? [])
  )
}

function isEqual(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false
  return true
}

function mix(one: number, other: number): number {
  const product = Math.imul(one ^ Math.imul(other, 0x9e3779b1), 0x85ebca6b)
  return (product ^ (product >>> 13)) & 0x7fff_ffff
}
