import { showAddress } from '../../../base/values/address.js'
import { showName } from '../../../wire/dns/name/name.js'
import { showKnownRdata, showOpaque } from '../../../wire/dns/records/rdata-text.js'
import { BAN_EDE } from '../../../wire/dns/registry/ede.js'
import { showRrtype } from '../../../wire/dns/registry/rrtype.js'
import type { RuleVerdict } from '../../../policy/evaluate/evaluator.js'
import type { Claim, PreparedReply } from '../../../policy/tables/claim.js'
import { recordsOf, type NodeRecord } from '../../../policy/rules/records/record-nodes.js'
import type { Explain } from '../../../policy/rules/model/user-explanation.js'

/** The verdict of the rules on a name; its JSON form is public. */
export interface RuleVerdictView {
  /** As in the query log. */
  readonly verdict: RuleVerdict['verdict']
  /** How the query is blocked, or in monitor mode would be. */
  readonly action?: string
  readonly ttl?: number
  readonly ipv4?: string
  readonly ipv6?: string
  readonly target?: string
  readonly ede?: string
  /** Records of a list for the name. */
  readonly records?: readonly string[]
  /** EXTRA-TEXT of the extended DNS error. */
  readonly text?: string
  /** What structured DNS errors say. */
  readonly explain?: Explain
  readonly kind?: string
  readonly rule?: string
  readonly app?: string
  readonly list?: string
  /** Authority, reference, approval and so on. */
  readonly facts?: Readonly<Record<string, string>>
}

/** Octets of an extended DNS error option before its text: code, length, INFO-CODE (RFC 8914 §2). */
const OPTION_HEAD = 6
/** Octets of TYPE and RDLENGTH. */
const RECORD_HEAD = 4

export function describeRuleVerdict({ verdict, claim, data }: RuleVerdict): RuleVerdictView {
  if (claim === undefined) return { verdict }
  const { kind, ruleId, source, reply, facts } = claim
  return {
    verdict,
    ...(reply && shownReply(reply)),
    ...(data !== '' && { records: recordsIn(kind, Buffer.from(data, 'hex')) }),
    kind,
    rule: ruleId,
    ...(source.kind === 'app' && { app: source.id }),
    ...(source.kind === 'list' && { list: source.id }),
    ...(Object.keys(facts).length > 0 && { facts })
  }
}

function shownReply(reply: PreparedReply) {
  const { action, ttl, ipv4, ipv6, target, ede, edeOption, explain } = reply
  const isSinkhole = action === 'sinkhole'
  return {
    action,
    ttl,
    ...(isSinkhole && ipv4 && { ipv4: ipv4.join('.') }),
    ...(isSinkhole && ipv6 && { ipv6: showAddress(ipv6) }),
    ...(target && { target: showName(target) }),
    ede: Object.entries(BAN_EDE).find(([, code]) => code === ede)?.[0] ?? String(ede),
    text: new TextDecoder().decode(edeOption.subarray(OPTION_HEAD)),
    ...(explain && { explain })
  }
}

/** `A 192.0.2.1` for each record: of a node of local records, or as a list has them. */
function recordsIn(kind: Claim['kind'], octets: Buffer): string[] {
  const records = kind === 'record' ? recordsOf(octets) : listRecords(octets)
  return records.map(({ type, rdata }) => {
    const text = showKnownRdata(Buffer.from(rdata), type, 0, rdata.length) ?? showOpaque(rdata)
    return `${showRrtype(type)} ${text}`
  })
}

/** Records of a list: TYPE, RDLENGTH and RDATA of each. */
function listRecords(octets: Buffer): Pick<NodeRecord, 'type' | 'rdata'>[] {
  const records: Pick<NodeRecord, 'type' | 'rdata'>[] = []
  for (let at = 0; at < octets.length;) {
    const end = at + RECORD_HEAD + octets.readUInt16BE(at + 2)
    records.push({ type: octets.readUInt16BE(at), rdata: octets.subarray(at + RECORD_HEAD, end) })
    at = end
  }
  return records
}

/** `app tiktok (TikTok)`, `list malware`, `ban be-federal-tiktok` for names written in the rule. */
export function sourceText({ source, kind, ruleId }: Claim): string {
  if (source.kind === 'app') return `app ${source.id} (${source.title})`
  return source.kind === 'list' ? `list ${source.id}` : `${kind} ${ruleId}`
}
