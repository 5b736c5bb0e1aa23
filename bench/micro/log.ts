import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { matchedRule } from '../../src/policy/evaluate/matched-rule.js'
import { Decision } from '../../src/policy/tables/decision.js'
import { FULL_ADDRESSES } from '../../src/lookups/privacy/privacy-mode.js'
import { Formatter } from '../../src/lookups/record/formatter.js'
import { MATCH, QueryEvent, VERDICT } from '../../src/lookups/event/query-event.js'
import { createRing, RingReader, RingWriter } from '../../src/lookups/event/ring.js'
import type { Case } from './measure.js'
import { INPUTS, queryAt, type Stage } from './stage.js'

const MASK = INPUTS - 1
/** One commit for so many records, as for a batch of datagrams. */
const BATCH = 64

export function logCases(stage: Stage): Case[] {
  const events = eventsOf(stage)
  const { snapshot } = stage.policy
  const memory = createRing()
  const writer = new RingWriter(memory)
  const reader = new RingReader(memory)
  const received = new QueryEvent()
  const formatter = new Formatter([], matchedRule, () => true)
  formatter.addSnapshot(snapshot)
  const pseudonymous = pseudonymizing()
  pseudonymous.addSnapshot(snapshot)
  return [
    {
      name: 'log: record through the ring, both ends',
      run(times) {
        let sum = 0
        for (let done = 0; done < times; done += BATCH) {
          for (let i = 0; i < BATCH; i++) writer.push(events[(done + i) & MASK]!)
          writer.commit()
          reader.refresh()
          while (reader.next(received)) sum += received.qnameLength
        }
        return sum
      }
    },
    {
      name: 'log: line of JSON',
      run(times) {
        for (let i = 0; i < times; i++) formatter.append(events[i & MASK]!)
        formatter.flush()
        return formatter.unknownGenerations
      }
    },
    {
      name: 'log: line of JSON, client as pseudonym',
      run(times) {
        for (let i = 0; i < times; i++) pseudonymous.append(events[i & MASK]!)
        pseudonymous.flush()
        return pseudonymous.unknownGenerations
      }
    }
  ]
}

function pseudonymizing(): Formatter {
  const key = { secret: new Uint8Array(32), start: 0, end: Infinity }
  const privacy = { ...FULL_ADDRESSES, default: 'pseudonym' } as const
  return new Formatter([], matchedRule, () => true, privacy, { keyAt: () => key })
}

/** A blocked lookup for each listed question. */
function eventsOf({ policy, clients, listed }: Stage): QueryEvent[] {
  const decision = new Decision()
  const clientClass = policy.classOf(clients, 0)
  return Array.from({ length: INPUTS }, (_, i) => {
    const { qname, qtype } = queryAt(listed, i, policy.seed)
    decision.clear()
    policy.evaluateName(qname, RRTYPE.A, clientClass, 0, decision)
    const event = new QueryEvent()
    event.time = 1_700_000_000_000 + i
    event.generation = policy.snapshot.generation
    event.clientClass = clientClass
    event.client.set(clients.subarray(4 * i, 4 * i + 4))
    event.qname.set(qname.octets.subarray(0, qname.length))
    event.qnameLength = qname.length
    event.qtype = qtype
    event.verdict = VERDICT.blocked
    event.match = MATCH.qname
    event.claim = decision.claim
    event.entry = decision.entry
    event.latency = 3
    event.ede = 17
    return event
  })
}
