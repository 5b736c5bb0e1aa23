import { showAddress } from '../../base/values/address.js'
import { decodeMessage, type DecodedMessage } from '../../wire/dns/message/decode-message.js'
import { findOpt, findOption } from '../../wire/dns/edns/opt.js'
import { OPTION_EDE } from '../../wire/dns/edns/ede-option.js'
import { showCanonical, showName } from '../../wire/dns/name/name.js'
import { EDE } from '../../wire/dns/registry/ede.js'
import { RRTYPE } from '../../wire/dns/registry/rrtype.js'
import type { PreparedReply } from '../../policy/tables/claim.js'
import type { Probe } from './probe-plan.js'

/** MNAME of the SOA in answers that rules make. */
const OWN_SOA = 'interdict.invalid '
/** Extended errors of blocked answers. RFC 8914 §4.16 to §4.18. */
const FILTER_CODES: readonly number[] = [EDE.BLOCKED, EDE.CENSORED, EDE.FILTERED]

/**
 * What is wrong with an answer; undefined: nothing.
 *
 * @param message undefined: no answer came
 * @param overUdp `truncate` bans answer differently there
 * @param isOwn false: another resolver, which need not answer in our words; a banned name must just not resolve
 */
export function problemOf(
  { kind, blocked, qtype }: Probe,
  message: Uint8Array | undefined,
  overUdp: boolean,
  isOwn: boolean
): string | undefined {
  if (message === undefined) return blocked?.action === 'drop' ? undefined : 'no answer'
  let answer: DecodedMessage
  try {
    answer = decodeMessage(message)
  } catch {
    return 'an answer that cannot be read'
  }
  const ede = edeOf(message)
  if (blocked === undefined) return openProblem(answer, ede, kind === 'control')
  if (!isOwn) return resolves(answer) ? 'it resolves' : undefined
  return blockedProblem(blocked, qtype, answer, ede, overUdp)
}

/** INFO-CODE of the first extended error; undefined: none. */
function edeOf(message: Uint8Array): number | undefined {
  const opt = findOpt(message, 0, message.length)
  const at = opt === 0 ? 0 : findOption(message, opt, OPTION_EDE)
  return at === 0 ? undefined : (message[at + 4]! << 8) | message[at + 5]!
}

const shownEde = (ede: number | undefined): string => (ede === undefined ? 'none' : String(ede))

/** Addresses other than the null address. */
function resolves({ records }: DecodedMessage): boolean {
  return records.some(
    ({ section, type, data }) =>
      section === 'answer' &&
      ['A', 'AAAA', 'HTTPS'].includes(type) &&
      data !== '0.0.0.0' &&
      data !== '::'
  )
}

function openProblem(
  { rcode, records }: DecodedMessage,
  ede: number | undefined,
  mustResolve: boolean
): string | undefined {
  if (ede !== undefined && FILTER_CODES.includes(ede))
    return `it is blocked (extended error ${ede})`
  if (mustResolve && !records.some(({ section }) => section === 'answer'))
    return `it does not resolve (${rcode})`
  return rcode === 'REFUSED' ? 'it is refused' : undefined
}

function blockedProblem(
  reply: PreparedReply,
  qtype: number,
  answer: DecodedMessage,
  ede: number | undefined,
  overUdp: boolean
): string | undefined {
  const { action, ttl, ipv4, ipv6 } = reply
  if (action === 'truncate') {
    if (!overUdp) return undefined
    return answer.flags.includes('tc') ? undefined : 'it is not truncated'
  }
  if (action === 'drop') return `it is answered (${answer.rcode})`
  if (ede !== reply.ede) return `extended error ${shownEde(ede)}, expected ${reply.ede}`
  if (action === 'cname') return aliasProblem(reply, answer)
  const rcode = action === 'nxdomain' ? 'NXDOMAIN' : action === 'refused' ? 'REFUSED' : 'NOERROR'
  if (answer.rcode !== rcode) return `${answer.rcode}, expected ${rcode}`
  const answers = answer.records.filter(({ section }) => section === 'answer')
  if (action === 'refused' || action === 'data') return undefined
  const wanted =
    qtype === RRTYPE.A
      ? ipv4?.join('.')
      : qtype === RRTYPE.AAAA
        ? ipv6 && showAddress(ipv6)
        : undefined
  const isAddress = action === 'sinkhole' || action === 'null-address'
  if (isAddress && wanted !== undefined) {
    const [first] = answers
    if (first?.data !== wanted) return `${first?.data ?? 'no address'}, expected ${wanted}`
    return first.ttl === ttl ? undefined : `TTL ${first.ttl}, expected ${ttl}`
  }
  if (answers.length > 0) return 'it has records'
  const soa = answer.records.find(({ section, type }) => section === 'authority' && type === 'SOA')
  if (soa === undefined) return 'no SOA'
  if (!soa.data.startsWith(OWN_SOA)) return 'the SOA of another server'
  return soa.ttl === ttl ? undefined : `SOA with TTL ${soa.ttl}, expected ${ttl}`
}

/**
 * The RCODE is that of the target, which an upstream answers: what only the upstream breaks is no fault of the
 * ban, and is reported as that of the upstream.
 */
function aliasProblem(
  { target, ttl }: PreparedReply,
  { rcode, records }: DecodedMessage
): string | undefined {
  const first = records.find(({ section }) => section === 'answer')
  if (first === undefined && rcode === 'SERVFAIL') return undefined
  const wanted = showCanonical(showName(target!))
  if (first?.type !== 'CNAME' || first.data !== wanted) return `no alias of ${wanted}`
  return first.ttl === ttl ? undefined : `TTL ${first.ttl}, expected ${ttl}`
}
