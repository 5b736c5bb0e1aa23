import { allClaims } from '../../policy/tables/claim-table.js'
import type { Claim } from '../../policy/tables/claim.js'
import { networkOfClass } from '../../policy/tables/client-table.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import {
  modeOf,
  stricterMode,
  strictestMode,
  type PrivacyMode,
  type PrivacyOptions
} from '../privacy/privacy-mode.js'
import { IntPairMap } from '../../base/bytes/int-pair-map.js'
import { ascii } from '../event/line-buffer.js'
import { PROTOCOL, type QueryEvent } from '../event/query-event.js'
import type { BlockedContext } from './newly-blocked.js'

/** The name or prefix that a lookup matched. */
export interface MatchedEntry {
  /** As written in the source: `=tiktok.com`, `*.example`, `192.0.2.0/24`. */
  readonly pattern: string
  readonly sourceFile: string
  /** From 1; 0 for a special-use name, whose source is an RFC, and for one that was banned earlier. */
  readonly sourceLine: number
  /** Length of its name in wire format; 0: it is an address. */
  readonly length: number
}

/** Finds the entry that a verdict refers to. Implemented in `policy/`. */
export type FindMatchedEntry = (
  snapshot: Snapshot,
  /** As in `QueryEvent`. */
  claim: number,
  record: number,
  /** Whether the query was for the name itself, not for a name below it. */
  whole: boolean
) => MatchedEntry | undefined

/** The encoded fields of one rule and one matched record. */
export interface RuleFields {
  /**
   * Fields `app` to `rule`: shared by all records of a rule, so that they stay in the CPU cache.
   */
  readonly rule: Uint8Array
  /** Length of the record's name in wire format; 0: it is an address. */
  readonly nameLength: number
  /** Fields `pattern` and `source` for a query for the name itself. */
  readonly exactMatch: Uint8Array
  /** The same for a query for a name below it; encoded on first use. */
  subdomainMatch: Uint8Array | undefined
}

/**
 * Maximum number of records with cached fields per snapshot: about 200 octets each, 3 MiB in total.
 * There is one for each listed name that is queried; the popular ones fit, and encoding another
 * takes 3 µs.
 */
const MAX_RECORDS = 16_384

/** Maximum number of pairs of client classes with cached fields, half a kilobyte each. */
const MAX_PAIRS = 4096

/**
 * Hexadecimal digits of the rules' SHA-256 per line: 48 bits distinguish all rule sets of a site.
 */
export const SHA256_DIGITS = 12

const EMPTY = new Uint8Array(0)

/** For lookups without a rule. */
const NO_RULE: RuleFields = { rule: EMPTY, nameLength: 0, exactMatch: EMPTY, subdomainMatch: EMPTY }

const PROTOCOLS = Object.keys(PROTOCOL)

/** All fields that depend on the snapshot, encoded and ready to be copied. */
export class SnapshotFields {
  /** From the end of the time to the client field, in the order of the ends of pauses; the last without pauses. */
  private readonly generationFields: readonly TimedFields[]
  /** From after the client to the name, by client class and protocol. */
  private readonly networkFieldsByClass: readonly Uint8Array[]
  private readonly fieldsByPair = new IntPairMap<readonly Uint8Array[]>()
  private readonly modesByClass: readonly PrivacyMode[]
  private readonly fallbackMode: PrivacyMode
  private readonly ruleFieldsByRecord = new IntPairMap<RuleFields>()
  private readonly ruleFieldsByClaim = new Map<number, Uint8Array>()

  /** @param snapshot undefined: no longer available, only its generation is known */
  constructor(
    readonly generation: number,
    readonly snapshot: Snapshot | undefined,
    readonly findMatchedEntry: FindMatchedEntry,
    privacy: PrivacyOptions
  ) {
    this.generationFields = encodeGeneration(generation, snapshot)
    const ids = snapshot?.clients.networks ?? []
    const classes = [...(snapshot?.clients.networkOf ?? [])]
    this.networkFieldsByClass = classes.flatMap(network => encodeNetwork(ids[network]))
    this.modesByClass = classes.map(network => modeOf(privacy, ids[network]))
    this.fallbackMode = strictestMode(privacy)
  }

  /** From the end of the time to the client field. @param time of the lookup */
  generationFieldsAt(time: Milliseconds): Uint8Array {
    const all = this.generationFields
    let i = 0
    while (all[i]!.until <= time) i++
    return all[i]!.octets
  }

  /** Privacy mode of a client class; for an unknown class, that of the strictest network. */
  privacyMode({ clientClass, addressClass }: QueryEvent): PrivacyMode {
    const mode = this.modesByClass[clientClass] ?? this.fallbackMode
    if (addressClass === 0) return mode
    return stricterMode(mode, this.modesByClass[addressClass] ?? this.fallbackMode)
  }

  /** What names that are newly blocked are counted by. Undefined: no rule of a bundle blocked it. */
  blockedContext(event: QueryEvent): BlockedContext | undefined {
    const { snapshot } = this
    const claim = event.claim < 0 ? undefined : this.claimOf(event.claim)
    const network = snapshot && networkOfClass(snapshot.clients, event.clientClass)
    const serial = snapshot?.origin.bundle?.serial
    // Local data is an answer.
    const isBlocking = claim?.reply !== undefined && claim.reply.action !== 'data'
    if (!isBlocking || network === undefined || serial === undefined) return undefined
    const { mustResolve = [] } = snapshot!.origin
    return { mode: this.privacyMode(event), network, rule: claim.ruleId, serial, mustResolve }
  }

  /** The fields from `network` to the name. */
  networkFields({ clientClass, addressClass, protocol }: QueryEvent): Uint8Array {
    if (addressClass !== 0) return this.pairFields(clientClass, addressClass)[protocol] ?? EMPTY
    const at = clientClass * PROTOCOLS.length + protocol
    return this.networkFieldsByClass[at] ?? NO_NETWORK[protocol] ?? EMPTY
  }

  /** Of a client in two networks, by protocol. */
  private pairFields(clientClass: number, addressClass: number): readonly Uint8Array[] {
    const known = this.fieldsByPair.get(clientClass, addressClass)
    if (known !== undefined) return known
    if (this.fieldsByPair.size >= MAX_PAIRS) this.fieldsByPair.clear()
    const clients = this.snapshot?.clients
    const idOf = (one: number): string | undefined => clients && networkOfClass(clients, one)
    const fields = encodeNetwork(idOf(clientClass), idOf(addressClass))
    this.fieldsByPair.set(clientClass, addressClass, fields)
    return fields
  }

  /** The fields from `app` to `source`. */
  ruleFields(claim: number, record: number): RuleFields {
    if (claim === -1) return NO_RULE
    return this.ruleFieldsByRecord.get(claim, record) ?? this.build(claim, record)
  }

  /**
   * The fields `pattern` and `source` of a rule found by `ruleFields`.
   *
   * @param qnameLength length of the QNAME; 0 if another name, such as a CNAME target, matched
   */
  matchFields(fields: RuleFields, claim: number, record: number, qnameLength: number): Uint8Array {
    if (qnameLength === fields.nameLength) return fields.exactMatch
    return (fields.subdomainMatch ??= encodeMatch(this.findMatch(claim, record, false)))
  }

  private build(claim: number, record: number): RuleFields {
    if (this.ruleFieldsByRecord.size >= MAX_RECORDS) this.ruleFieldsByRecord.clear()
    const match = this.findMatch(claim, record, true)
    const fields = {
      rule: this.encodedRule(claim),
      nameLength: match?.length ?? 0,
      exactMatch: encodeMatch(match),
      subdomainMatch: undefined
    }
    this.ruleFieldsByRecord.set(claim, record, fields)
    return fields
  }

  private encodedRule(claim: number): Uint8Array {
    const cached = this.ruleFieldsByClaim.get(claim)
    if (cached !== undefined) return cached
    const found = claim < 0 ? undefined : this.claimOf(claim)
    const encoded = found === undefined ? EMPTY : encodeRule(found)
    this.ruleFieldsByClaim.set(claim, encoded)
    return encoded
  }

  private claimOf(number: number): Claim | undefined {
    return this.snapshot && allClaims(this.snapshot).at(number)
  }

  private findMatch(claim: number, record: number, whole: boolean): MatchedEntry | undefined {
    if (record < 0 || this.snapshot === undefined) return undefined
    return this.findMatchedEntry(this.snapshot, claim, record, whole)
  }
}

/** Indexed by protocol. @param ofAddress of the address, if it is another one */
function encodeNetwork(network: string | undefined, ofAddress?: string): Uint8Array[] {
  const first = network === undefined ? EMPTY : field('network', network)
  const second = ofAddress === undefined ? EMPTY : field('addressNetwork', ofAddress)
  return PROTOCOLS.map(word =>
    Buffer.concat([first, second, ascii(`,"protocol":"${word}","qname":"`)])
  )
}

/** For clients outside every network. */
const NO_NETWORK = encodeNetwork(undefined)

interface TimedFields {
  /** Exclusive; infinite for the last. */
  readonly until: Milliseconds
  readonly octets: Uint8Array
}

/** One for each time at which the same pauses last: the clock ends them, without another snapshot. */
function encodeGeneration(generation: number, snapshot: Snapshot | undefined): TimedFields[] {
  const sha256 = snapshot?.origin.sha256.slice(0, SHA256_DIGITS)
  const bundle = snapshot?.origin.bundle
  const serial = bundle === undefined ? '' : `,"serial":${bundle.serial}`
  const rules = sha256 === undefined ? '' : `,"sha256":"${sha256}"${serial}`
  const pauses = snapshot?.origin.pauses ?? []
  const ends = [...new Set(pauses.map(({ until }) => until))].sort((a, b) => a - b)
  return [...ends, Infinity].map((until): TimedFields => {
    const paused = pauses.filter(pause => pause.until >= until).map(({ rule }) => rule)
    const head = ascii(`Z","generation":${generation}${rules}`)
    const octets =
      paused.length === 0 ? head : Buffer.concat([head, field('paused', paused.join(', '))])
    return { until: until * MS_PER_SECOND, octets }
  })
}

function encodeRule({ source, kind, ruleId, ruleFile, ruleLine }: Claim): Uint8Array {
  // Special-use names are decided by an RFC, not by a rule.
  if (source.kind === 'local') return EMPTY
  // Local records have no field of their own: the verdict says what they are.
  if (kind === 'record') return field('rule', `${ruleFile}:${ruleLine}`)
  return Buffer.concat([
    source.kind === 'inline' ? EMPTY : field(source.kind, source.id),
    field(kind, ruleId),
    field('rule', `${ruleFile}:${ruleLine}`)
  ])
}

function encodeMatch(matched: MatchedEntry | undefined): Uint8Array {
  if (matched === undefined) return EMPTY
  const { pattern, sourceFile, sourceLine } = matched
  const place = sourceLine === 0 ? sourceFile : `${sourceFile}:${sourceLine}`
  return Buffer.concat([field('pattern', pattern), field('source', place)])
}

/** Encodes `,"name":"text"` in UTF-8. */
export function field(name: string, text: string): Uint8Array {
  return Buffer.from(`,"${name}":${JSON.stringify(text)}`)
}
