import { encodeEde } from '../../src/wire/dns/edns/ede-option.js'
import { decodeResponse } from '../../src/wire/dns/message/decode-response.js'
import { Query } from '../../src/wire/dns/message/query.js'
import { HashedName } from '../../src/wire/dns/name/hashed-name.js'
import { RCODE } from '../../src/wire/dns/registry/rcode.js'
import { HEADER_SIZE, UDP_PAYLOAD } from '../../src/wire/dns/registry/sizes.js'
import { encodeCachedAnswer } from '../../src/wire/dns/reply/cached-reply.js'
import { encodeAddress, encodeNegative } from '../../src/wire/dns/reply/local-reply.js'
import type { Case } from './measure.js'
import { INPUTS, queryAt, type Stage } from './stage.js'

const MASK = INPUTS - 1
const ZERO = Uint8Array.of(0, 0, 0, 0)
const LIMITS = { minTtl: 0, maxTtl: 86_400, negativeMaxTtl: 3600, failureTtl: 5 }

export function wireCases({ unlisted, answers, responses }: Stage): Case[] {
  const { octets, starts, ends } = unlisted
  const query = new Query()
  const name = new HashedName()
  const queries = Array.from({ length: INPUTS }, (_, i) => queryAt(unlisted, i, 1))
  const questions = queries.map(query => query.key().slice(0, -1))
  // Replies are written over a copy: the queries are read again and again.
  const written = octets.slice()
  const ede = encodeEde(17, new TextEncoder().encode('names'))
  return [
    {
      name: 'wire: read header, question, OPT',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += query.decode(octets, starts[i & MASK]!, ends[i & MASK]!, 1) + query.qtype
        }
        return sum
      }
    },
    {
      name: 'wire: read and hash a name',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += name.decode(octets, starts[i & MASK]! + HEADER_SIZE, ends[i & MASK]!, 1)
        }
        return sum
      }
    },
    {
      name: 'wire: cache key',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) sum += queries[i & MASK]!.key().length
        return sum
      }
    },
    {
      name: 'wire: write a blocked address, EDE',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += encodeAddress(written, queries[i & MASK]!, UDP_PAYLOAD, ZERO, 60, ede)
        }
        return sum
      }
    },
    {
      name: 'wire: write NXDOMAIN with SOA, EDE',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += encodeNegative(
            written,
            queries[i & MASK]!,
            UDP_PAYLOAD,
            RCODE.NXDOMAIN,
            1,
            60,
            1,
            ede
          )
        }
        return sum
      }
    },
    {
      name: 'wire: write a cached answer',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += encodeCachedAnswer(written, queries[i & MASK]!, UDP_PAYLOAD, answers[i & MASK]!, 7)
        }
        return sum
      }
    },
    {
      name: 'wire: read a response (miss)',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++) {
          sum += decodeResponse(responses[i & MASK]!, questions[i & MASK]!, LIMITS, 0, 0).answers
        }
        return sum
      }
    }
  ]
}
