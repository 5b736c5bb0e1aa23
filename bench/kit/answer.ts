import type { Answer } from '../../src/wire/dns/records/answer.js'

/** An answer of one record, for who holds answers and does not look into them. */
export function answerOf(more: Partial<Answer> = {}): Answer {
  return {
    body: new Uint8Array(100),
    rcode: 0,
    answers: 1,
    authorities: 0,
    authentic: false,
    ttls: Uint16Array.of(6),
    storedAt: 0,
    lifetime: 10,
    ede: undefined,
    upstream: 0,
    targets: new Uint8Array(0),
    targetKinds: new Uint8Array(0),
    addresses: new Uint32Array(0),
    cleanEpoch: -1,
    cleanClass: -1,
    ...more
  }
}
