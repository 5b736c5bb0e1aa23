import t from 'tap'
import { RECORDED } from '../../src/analysis/replay/parsed-lookup.js'
import { STATE, type JudgedState } from '../../src/analysis/replay/rule-judge.js'
import {
  MATCH,
  PROTOCOL,
  VERDICT,
  type LookupVerdict,
  type Match,
  type Protocol
} from '../../src/lookups/event/query-event.js'
import { COVER, type CoverCode } from '../../src/policy/rules/model/types.js'
import { ECH, type EchCode } from '../../src/policy/tables/client-table.js'
import { SHELF } from '../../src/resolver/cache/shelf.js'
import { ADDRESS_SOURCE, type AddressSource } from '../../src/resolver/server/trusted-proxies.js'
import { LOCAL_REPLY, type LocalReply } from '../../src/resolver/stages/special-use-reply.js'
import {
  COOKIE_CHECK,
  type CookieCheck
} from '../../src/resolver/upstream/selection/upstream-cookies.js'
import { CLIENT_SUBNET } from '../../src/wire/dns/edns/client-subnet.js'
import { RESPONSE_COOKIE } from '../../src/wire/dns/edns/client-cookie.js'
import { COOKIE_STATUS, type CookieStatus } from '../../src/wire/dns/edns/server-cookie.js'
import { PROBE_RESULT } from '../../src/wire/dns/message/loop-probe.js'
import { QUERY_KIND, type QueryKind } from '../../src/wire/dns/message/query.js'
import { TARGET_KIND, type TargetKind } from '../../src/wire/dns/records/answer.js'
import { TSIG_ERROR, type TsigError } from '../../src/wire/tsig/tsig.js'

/**
 * Assignments that `npm run lint` checks: compilation fails unless each has the expected error. The function is never
 * called.
 */
function assignments(number: number) {
  const match: Match = MATCH.qname
  const asNumber: number = match
  // @ts-expect-error a match is not a protocol, although 1 is one of both
  const protocol: Protocol = MATCH.qname
  // @ts-expect-error of another enumeration
  const verdict: LookupVerdict = MATCH.qname
  // @ts-expect-error of another enumeration
  const matchOfVerdict: Match = VERDICT.cached
  // @ts-expect-error a number is not a match
  const anything: Match = number
  // @ts-expect-error a number is not a kind of query
  const kind: QueryKind = number
  // @ts-expect-error of another enumeration
  const kindOfTarget: QueryKind = TARGET_KIND.cname
  // @ts-expect-error of another enumeration
  const target: TargetKind = MATCH.cname
  // @ts-expect-error of another enumeration
  const cover: CoverCode = ECH.pass
  // @ts-expect-error of another enumeration
  const ech: EchCode = COVER.exact
  // @ts-expect-error of another enumeration
  const judged: JudgedState = RECORDED.blocked
  // @ts-expect-error of another enumeration
  const cookie: CookieStatus = RESPONSE_COOKIE.full
  // @ts-expect-error of another enumeration
  const check: CookieCheck = SHELF.miss
  // @ts-expect-error of another enumeration
  const address: AddressSource = CLIENT_SUBNET.address
  // @ts-expect-error of another enumeration
  const reply: LocalReply = PROBE_RESULT.none
  // @ts-expect-error of another enumeration
  const tsig: TsigError = LOCAL_REPLY.forward
  return [
    ...[asNumber, protocol, verdict, matchOfVerdict, anything, kind, kindOfTarget, target, cover],
    ...[ech, judged, cookie, check, address, reply, tsig]
  ]
}

t.test('codes of one enumeration cannot be used for another', async t => {
  t.equal(assignments.length, 1)
})

t.test('codes in memory are counted from 0, in the order of their names', async t => {
  const inMemory = { VERDICT, MATCH, PROTOCOL, COVER, ECH, STATE, QUERY_KIND }
  for (const [name, codes] of Object.entries(inMemory))
    t.strictSame(
      Object.values(codes),
      Object.keys(codes).map((_, at) => at),
      name
    )
})

t.test('no two codes of an enumeration are equal', async t => {
  const others = { TSIG_ERROR, TARGET_KIND, LOCAL_REPLY, SHELF, RECORDED, ADDRESS_SOURCE }
  const cookies = { COOKIE_STATUS, RESPONSE_COOKIE, COOKIE_CHECK, CLIENT_SUBNET, PROBE_RESULT }
  for (const [name, codes] of Object.entries<Record<string, number>>({ ...others, ...cookies })) {
    const values = Object.values<number>(codes)
    t.equal(new Set(values).size, values.length, name)
  }
})
