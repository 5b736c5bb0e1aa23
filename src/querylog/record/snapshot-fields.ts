import type { Claim } from '../../policy/tables/claim.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import {
  modeOf,
  strictestMode,
  type PrivacyMode,
  type PrivacyOptions
} from '../privacy/privacy-mode.js'
import { IntPairMap } from './int-pair-map.js'
import { ascii } from './line-buffer.js'
import { PROTOCOL } from './query-event.js'

/** Where the name or prefix stands that matched. */
export interface MatchedEntry {
  /** As written there: `=tiktok.com`, `*.example`, `192.0.2.0/24`. */
  readonly pattern: string
  readonly sourceFile: string
  /** From 1; of no meaning for a special-use name, which stands in an RFC. */
  readonly sourceLine: number
  /** Octets of its name in wire form; 0: it is an address. */
  readonly length: number
}

/** Finds what a verdict points at. `policy/` has the real one. */
export type FindMatchedEntry = (
  snapshot: Snapshot,
  claim: number,
  record: number,
  /** Whether the very name was asked for, or one below. */
  whole: boolean
) => MatchedEntry | undefined

/** The fields of one rule and record. */
export interface RuleFields {
  /** From `app` to `rule`: the same octets for all records of a rule, which stay in the CPU's cache. */
  readonly rule: Uint8Array
  /** Octets of the record's name; 0: it is an address. */
  readonly nameLength: number
  /** `pattern` and `source` for the name itself. */
  readonly exactMatch: Uint8Array
  /** The same for those below it, once one was asked for. */
  subdomainMatch: Uint8Array | undefined
}

/**
 * Most records whose fields are kept per snapshot: some 200 octets each, 3 MiB in all. There are as
 * many as listed names that are asked for; the busy ones fit, and one anew costs 3 µs.
 */
const MAX_RECORDS = 16_384

/** Hexadecimal digits of the rules' SHA-256 in each line: 48 bits tell all rules of a site apart. */
const SHA256_DIGITS = 12

const EMPTY = new Uint8Array(0)

/** Where no rule spoke. */
const NO_RULE: RuleFields = { rule: EMPTY, nameLength: 0, exactMatch: EMPTY, subdomainMatch: EMPTY }

const PROTOCOLS = Object.keys(PROTOCOL)

/** Everything in a line that a snapshot decides, as octets ready to be copied. */
export class SnapshotFields {
  /** From the end of the time to before the client. */
  readonly generationFields: Uint8Array
  /** From after the client to before the name, by client class and protocol. */
  private readonly networkFieldsByClass: readonly Uint8Array[]
  private readonly modesByClass: readonly PrivacyMode[]
  private readonly fallbackMode: PrivacyMode
  private readonly ruleFieldsByRecord = new IntPairMap<RuleFields>()
  private readonly ruleFieldsByClaim = new Map<number, Uint8Array>()

  /** @param snapshot undefined: it is no longer held, and only its number can be told */
  constructor(
    readonly generation: number,
    readonly snapshot: Snapshot | undefined,
    readonly findMatchedEntry: FindMatchedEntry,
    privacy: PrivacyOptions
  ) {
    this.generationFields = encodeGeneration(generation, snapshot)
    const ids = snapshot?.clients.networks ?? []
    const classes = snapshot?.clients.networkOf ?? []
    this.networkFieldsByClass = classes.flatMap(network => encodeNetwork(ids[network]))
    this.modesByClass = classes.map(network => modeOf(privacy, ids[network]))
    this.fallbackMode = strictestMode(privacy)
  }

  /** How a client is written; one of whom nothing is known any more, as the strictest network is. */
  privacyMode(clientClass: number): PrivacyMode {
    return this.modesByClass[clientClass] ?? this.fallbackMode
  }

  /** The fields from `network` to before the name. */
  networkFields(clientClass: number, protocol: number): Uint8Array {
    const at = clientClass * PROTOCOLS.length + protocol
    return this.networkFieldsByClass[at] ?? NO_NETWORK[protocol] ?? EMPTY
  }

  /** The fields from `app` to `source`. */
  ruleFields(claim: number, record: number): RuleFields {
    if (claim < 0) return NO_RULE
    return this.ruleFieldsByRecord.get(claim, record) ?? this.build(claim, record)
  }

  /**
   * `pattern` and `source` of what `rule` has given.
   *
   * @param qnameLength octets of the name asked for; 0 where another name led to the rule
   */
  matchFields(fields: RuleFields, claim: number, record: number, qnameLength: number): Uint8Array {
    if (qnameLength === fields.nameLength) return fields.exactMatch
    return (fields.subdomainMatch ??= this.encodeMatch(claim, this.findMatch(claim, record, false)))
  }

  private build(claim: number, record: number): RuleFields {
    if (this.ruleFieldsByRecord.size >= MAX_RECORDS) this.ruleFieldsByRecord.clear()
    const match = this.findMatch(claim, record, true)
    const fields = {
      rule: this.encodedRule(claim),
      nameLength: match?.length ?? 0,
      exactMatch: this.encodeMatch(claim, match),
      subdomainMatch: undefined
    }
    this.ruleFieldsByRecord.set(claim, record, fields)
    return fields
  }

  private encodedRule(claim: number): Uint8Array {
    const cached = this.ruleFieldsByClaim.get(claim)
    if (cached !== undefined) return cached
    const source = this.snapshot?.claims.all[claim]
    const encoded = source === undefined ? EMPTY : encodeRule(source)
    this.ruleFieldsByClaim.set(claim, encoded)
    return encoded
  }

  private encodeMatch(claim: number, matched: MatchedEntry | undefined): Uint8Array {
    const source = this.snapshot?.claims.all[claim]
    return source === undefined || matched === undefined ? EMPTY : encodeMatch(source, matched)
  }

  private findMatch(claim: number, record: number, whole: boolean): MatchedEntry | undefined {
    if (record < 0 || this.snapshot === undefined) return undefined
    return this.findMatchedEntry(this.snapshot, claim, record, whole)
  }
}

/** By protocol. */
function encodeNetwork(network: string | undefined): Uint8Array[] {
  const first = network === undefined ? EMPTY : field('network', network)
  return PROTOCOLS.map(word => Buffer.concat([first, ascii(`,"protocol":"${word}","qname":"`)]))
}

/** Of clients in no network. */
const NO_NETWORK = encodeNetwork(undefined)

function encodeGeneration(generation: number, snapshot: Snapshot | undefined): Uint8Array {
  const sha256 = snapshot?.origin.sha256.slice(0, SHA256_DIGITS)
  const bundle = snapshot?.origin.bundle
  const serial = bundle === undefined ? '' : `,"serial":${bundle.serial}`
  const rules = sha256 === undefined ? '' : `,"sha256":"${sha256}"${serial}`
  return ascii(`Z","generation":${generation}${rules}`)
}

function encodeRule({ source, kind, ruleId, ruleFile, ruleLine }: Claim): Uint8Array {
  // No rule spoke, but an RFC.
  if (source.kind === 'local') return EMPTY
  return Buffer.concat([
    source.kind === 'inline' ? EMPTY : field(source.kind, source.id),
    field(kind, ruleId),
    field('rule', `${ruleFile}:${ruleLine}`)
  ])
}

function encodeMatch({ source }: Claim, matched: MatchedEntry): Uint8Array {
  const { pattern, sourceFile, sourceLine } = matched
  const place = source.kind === 'local' ? sourceFile : `${sourceFile}:${sourceLine}`
  return Buffer.concat([field('pattern', pattern), field('source', place)])
}

/** `,"name":"text"`, in UTF-8. */
export function field(name: string, text: string): Uint8Array {
  return Buffer.from(`,"${name}":${JSON.stringify(text)}`)
}
