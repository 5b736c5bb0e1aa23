import type { Prefix } from '../../../../base/values/address.js'
import { failureAt, type InterdictError } from '../../../../base/errors/error.js'
import type { AtLine } from '../../model/yaml-source.js'
import {
  COVER,
  type LocalData,
  type NameSink,
  type NameSource,
  type ListPart
} from '../../model/types.js'
import { ListCollector, rejection } from '../list-collector.js'
import type { Unsupported } from '../line-reader.js'
import type { ListFile, ListReport } from '../list-types.js'
import { LocalDataBuilder } from '../local-data.js'
import { PackedNames } from '../packed-names.js'
import { closestEnclosers } from './enclosers.js'
import { scanRpz, type RpzAction, type RpzSink } from './rpz-zone.js'

/** Precedence of the triggers of one zone. draft-vixie-dnsop-dns-rpz §5. */
const TRIGGER_RANK = { 'client-ip': 0, qname: 1, ip: 2 } as const
const STAGES = 3

/** Up to so many client policies are separate sources, so that each keeps its line. */
const MAX_SEPARATE = 64

/** Names and addresses with the same policy action. */
class RpzSource implements NameSource {
  readonly kind = 'list'

  constructor(
    readonly id: string,
    readonly title: string,
    readonly file: string,
    readonly part: ListPart,
    private readonly names: PackedNames,
    private readonly prefixes: readonly AtLine<Prefix>[]
  ) {}

  get bounds() {
    return { names: this.names.count, octets: this.names.nameOctets }
  }

  writeTo(sink: NameSink): void {
    this.names.forEach((octets, at, length, cover, line) => {
      sink.name(octets, at, length, cover, line)
    })
    for (const { value, line } of this.prefixes) sink.prefix(value, line)
  }
}

/** Collects the policies of a zone, grouped by action. */
class RpzCollector implements RpzSink {
  readonly names = new Map<RpzAction, PackedNames>()
  readonly answerPrefixes = new Map<RpzAction, AtLine<Prefix>[]>()
  readonly clientPolicies: (AtLine<Prefix> & { readonly action: RpzAction })[] = []
  readonly records = new LocalDataBuilder()
  policyCount = 0

  constructor(private readonly lines: ListCollector) {}

  readonly qname: RpzSink['qname'] = (octets, at, length, cover, action, line) => {
    let group = this.names.get(action)
    if (group === undefined) this.names.set(action, (group = new PackedNames()))
    group.add(octets, at, length, cover, line)
    this.policyCount++
  }

  prefix(value: Prefix, trigger: 'client-ip' | 'ip', action: RpzAction, line: number): void {
    this.policyCount++
    if (trigger === 'client-ip') this.clientPolicies.push({ value, line, action })
    else groupFor(this.answerPrefixes, action).push({ value, line })
  }

  record(line: number, type: number, rdata: Uint8Array): void {
    this.records.add(line, type, rdata)
  }

  countUnsupported(kind: Unsupported): void {
    this.lines.countUnsupported(kind)
  }

  skipLine(line: number, column: number, why: string): void {
    this.lines.skipLine(line, column, why)
  }
}

/** A list file that is a response policy zone. */
export interface RpzFile {
  /** Its sources; `nth` is the index of the zone in its list. */
  readonly parts: (nth: number) => readonly NameSource[]
  readonly warnings: readonly InterdictError[]
  readonly report: ListReport
}

/** @param given `detectedBy`: how the format was detected */
export function readRpzFile(
  given: ListFile & {
    readonly id: string
    readonly detectedBy: string | undefined
    readonly mayBeEmpty: boolean
  }
): RpzFile | { readonly errors: readonly InterdictError[] } {
  const { id, octets, file, displayName, detectedBy, mayBeEmpty } = given
  const lines = new ListCollector(displayName, octets, new Set())
  const policies = new RpzCollector(lines)
  const { entries, outside, apex, hasSoa, truncation } = scanRpz(octets, policies)
  const start = { file: displayName, line: 1, column: 1 }
  if (truncation !== undefined) {
    const { line, column, why } = truncation
    const position = { file: displayName, line, column }
    return { errors: [failureAt(position, 'RULES_LIST_REFUSED', `file is truncated: ${why}`)] }
  }
  // Its SOA or $ORIGIN is probably wrong.
  if (outside > policies.policyCount) {
    const why = `${outside} of ${entries} records are not in the zone ${apex}`
    return { errors: [failureAt(start, 'RULES_LIST_REFUSED', why), ...lines.warnings] }
  }
  const errors = rejection(lines, policies.policyCount === 0, entries, start)
  if (errors.length > 0) return { errors }
  if (policies.policyCount === 0 && !mayBeEmpty) {
    return { errors: [failureAt(start, 'RULES_LIST_EMPTY', id)] }
  }
  const { warnings, unsupported } = lines
  if (!hasSoa) warnings.push(failureAt(start, 'RULES_ZONE_NO_SOA'))
  const report = {
    id,
    displayName,
    format: 'rpz' as const,
    detectedBy,
    names: policies.policyCount,
    unsupported
  }
  return { parts: nth => buildSources(id, file, nth, policies), warnings, report }
}

function buildSources(id: string, file: string, nth: number, policies: RpzCollector): NameSource[] {
  const parts: NameSource[] = []
  const first = nth * STAGES
  const data = policies.records.finish()
  const add = (
    part: Omit<ListPart, 'list'>,
    names: PackedNames,
    prefixes: readonly AtLine<Prefix>[]
  ) => {
    const own = `${id}#zone${nth}.${parts.length}`
    parts.push(new RpzSource(own, id, file, { list: id, ...part }, names, prefixes))
  }
  const addAction = (
    action: RpzAction,
    part: Pick<ListPart, 'triggerRank' | 'prefixes'>,
    names: PackedNames,
    prefixes: readonly AtLine<Prefix>[]
  ) => {
    add({ ...part, effect: partAction(action, data) }, names, prefixes)
    // Over TCP nothing is changed, as by PASSTHRU: no shorter match, and no later zone. BIND and Unbound
    // do the same.
    if (action === 'truncate') add({ ...part, effect: 'pass', overTcp: true }, names, prefixes)
  }
  for (const { action, prefixes, line } of groupClientPolicies(policies)) {
    const everything = new PackedNames()
    everything.add(Uint8Array.of(0), 0, 1, COVER.suffix, line)
    addAction(action, { triggerRank: first + TRIGGER_RANK['client-ip'], prefixes }, everything, [])
  }
  for (const [action, names] of passthruFirst(policies.names)) {
    addAction(action, { triggerRank: first + TRIGGER_RANK.qname }, names, [])
  }
  const enclosers = closestEnclosers(policies.names.values())
  if (enclosers.count > 0)
    add({ effect: 'encloser', triggerRank: first + TRIGGER_RANK.qname }, enclosers, [])
  for (const [action, prefixes] of passthruFirst(policies.answerPrefixes)) {
    addAction(action, { triggerRank: first + TRIGGER_RANK.ip }, new PackedNames(), prefixes)
  }
  return parts
}

/** Client policies, longest prefixes first, as the longest match decides. */
function groupClientPolicies({ clientPolicies: clients }: RpzCollector) {
  const own = clients.length <= MAX_SEPARATE
  const groups = new Map<string, { action: RpzAction; prefixes: Prefix[]; line: number }>()
  for (const { value, action, line } of clients) {
    // Records are stored by line, so that a policy with records is a source of its own.
    const key = `${value.length} ${action} ${own || action === 'data' ? line : ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { action, prefixes: [value], line })
    else group.prefixes.push(value)
  }
  return [...groups.values()].sort((a, b) => b.prefixes[0]!.length - a.prefixes[0]!.length)
}

function passthruFirst<T>(groups: ReadonlyMap<RpzAction, T>): (readonly [RpzAction, T])[] {
  return [...groups].sort(([a], [b]) => Number(b === 'pass') - Number(a === 'pass'))
}

function partAction(action: RpzAction, data: LocalData): ListPart['effect'] {
  if (action === 'pass') return action
  return action === 'data' ? { action, data } : { action }
}

function groupFor<K, V>(groups: Map<K, V[]>, key: K): V[] {
  let group = groups.get(key)
  if (group === undefined) groups.set(key, (group = []))
  return group
}
