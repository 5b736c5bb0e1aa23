import type { CacheMemory } from '../../src/resolver/cache/memory.js'
import type { Answer } from '../../src/wire/dns/records/answer.js'
import { answerOf } from '../../bench/kit/answer.js'

/** What the threads of `shared.test.ts` share. */
export interface SharedState {
  readonly memory: CacheMemory
  readonly keys: number
  /** For each key, the latest version that a writer has begun to write, and that it has written. */
  readonly started: Int32Array
  readonly finished: Int32Array
  /** Words `STOP`, `READS`, `HITS`, and `WRITES` for each writer. */
  readonly control: Int32Array
}

export const STOP = 0
export const READS = 1
export const HITS = 2
export const WRITES = 3

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

/** The lengths of the parts of a version. */
const lengthsOf = (mark: number) => ({
  body: mark % 300,
  ttls: mark % 5,
  targets: mark % 20,
  targetKinds: mark % 3,
  addresses: 4 * (mark % 3),
  option: mark % 4 === 0 ? 6 + (mark % 10) : -1
})

/** An answer of which every part depends on its key and version. */
export function versionOf(key: number, version: number): Answer {
  const mark = mix(key, version)
  const { body, ttls, targets, targetKinds, addresses, option } = lengthsOf(mark)
  return answerOf({
    body: filled(new Uint8Array(body), mark + 1),
    rcode: mark & 15,
    answers: mark & 0xff,
    authorities: (mark >> 8) & 0xff,
    authentic: (mark & 1) === 1,
    ttls: filled(new Uint16Array(ttls), mark + 2),
    storedAt: version,
    lifetime: 1_000_000 + (mark & 0xff),
    upstream: mark & 7,
    targets: filled(new Uint8Array(targets), mark + 3),
    targetKinds: filled(new Uint8Array(targetKinds), mark + 4),
    addresses: filled(new Uint32Array(addresses), mark + 5),
    ede: option < 0 ? undefined : { code: mark & 63, option: filled(new Uint8Array(option), mark) }
  })
}

/** Whether all parts of an answer are those of the version that it claims to be. */
export function isWhole(key: number, answer: Answer): boolean {
  const mark = mix(key, answer.storedAt)
  const { body, ttls, targets, targetKinds, addresses, option } = lengthsOf(mark)
  const { ede } = answer
  return (
    answer.rcode === (mark & 15) &&
    answer.answers === (mark & 0xff) &&
    answer.authorities === ((mark >> 8) & 0xff) &&
    answer.authentic === ((mark & 1) === 1) &&
    answer.lifetime === 1_000_000 + (mark & 0xff) &&
    answer.upstream === (mark & 7) &&
    isFilled(answer.body, body, mark + 1, 0xff) &&
    isFilled(answer.ttls, ttls, mark + 2, 0xffff) &&
    isFilled(answer.targets, targets, mark + 3, 0xff) &&
    isFilled(answer.targetKinds, targetKinds, mark + 4, 0xff) &&
    isFilled(answer.addresses, addresses, mark + 5, 0x7fff_ffff) &&
    (ede === undefined
      ? option < 0
      : ede.code === (mark & 63) && isFilled(ede.option, option, mark, 0xff))
  )
}

type Numbers = Uint8Array | Uint16Array | Uint32Array

function filled<T extends Numbers>(array: T, salt: number): T {
  for (let i = 0; i < array.length; i++) array[i] = mix(salt, i)
  return array
}

function isFilled(array: Numbers, length: number, salt: number, mask: number): boolean {
  if (array.length !== length) return false
  for (let i = 0; i < length; i++) if (array[i] !== (mix(salt, i) & mask)) return false
  return true
}

function mix(one: number, other: number): number {
  const product = Math.imul(one ^ Math.imul(other, 0x9e3779b1), 0x85ebca6b)
  return (product ^ (product >>> 13)) & 0x7fff_ffff
}
