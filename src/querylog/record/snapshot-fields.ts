import type { Claim, Snapshot } from '../../policy/tables/snapshot.js'
import {
  modeOf,
  strictest,
  type PrivacyMode,
  type PrivacyOptions
} from '../privacy/privacy-mode.js'
import { PROTOCOL } from './query-event.js'
import { PairMap } from './int-pair-map.js'
import { ascii } from './line-buffer.js'

/** Where the name or prefix stands that matched. */
export interface Matched {
  /** As written there: `=tiktok.com`, `*.example`, `192.0.2.0/24`. */
  readonly pattern: string
  readonly sourceFile: string
  /** From 1; of no meaning for a special-use name, which stands in an RFC. */
  readonly sourceLine: number
  /** Octets of its name in wire form; 0: it is an address. */
  readonly length: number
}

/** Finds what a verdict points at. `policy/` has the real one. */
export type MatchedRule = (
  snapshot: Snapshot,
  claim: number,
  record: number,
  /** Whether the very name was asked for, or one below. */
  whole: boolean
) => Matched | undefined

/** The fields of one rule and record. */
export interface RuleFields {
  /** From `app` to `rule`: the same octets for all records of a rule, which stay in the CPU's cache. */
  readonly rule: Uint8Array
  /** Octets of the record's name; 0: it is an address. */
  readonly length: number
  /** `pattern` and `source` for the name itself. */
  readonly whole: Uint8Array
  /** The same for those below it, once one was asked for. */
  below: Uint8Array | undefined
}

/**
 * Most records whose fields are kept per snapshot: some 200 octets each, 3 MiB in all. There are as
 * many as listed names that are asked for; the busy ones fit, and one anew costs 3 µs.
 */
const MOST_RECORDS = 16_384

/** Hexadecimal digits of the rules' SHA-256 in each line: 48 bits tell all rules of a site apart. */
const SHA256_DIGITS = 12

const NOTHING = new Uint8Array(0)

/** Where no rule spoke. */
const NO_RULE: RuleFields = { rule: NOTHING, length: 0, whole: NOTHING, below: NOTHING }

const PROTOCOLS = Object.keys(PROTOCOL)

/** Everything in a line that a snapshot decides, as octets ready to be copied. */
export class SnapshotPieces {
  /** From the end of the time to before the client. */
  readonly head: Uint8Array
  /** From after the client to before the name, by client class and protocol. */
  private readonly middles: readonly Uint8Array[]
  private readonly modes: readonly PrivacyMode[]
  private readonly otherMode: PrivacyMode
  private readonly records = new PairMap<RuleFields>()
  private readonly rules = new Map<number, Uint8Array>()

  /** @param snapshot undefined: it is no longer held, and only its number can be told */
  constructor(
    readonly generation: number,
    readonly snapshot: Snapshot | undefined,
    readonly matchedRule: MatchedRule,
    privacy: PrivacyOptions
  ) {
    this.head = headOf(generation, snapshot)
    const ids = snapshot?.networks ?? []
    const classes = snapshot?.classNetworks ?? []
    this.middles = classes.flatMap(network => middlesOf(ids[network]))
    this.modes = classes.map(network => modeOf(privacy, ids[network]))
    this.otherMode = strictest(privacy)
  }

  /** How a client is written; one of whom nothing is known any more, as the strictest network is. */
  privacy(clientClass: number): PrivacyMode {
    return this.modes[clientClass] ?? this.otherMode
  }

  /** The fields from `network` to before the name. */
  middle(clientClass: number, protocol: number): Uint8Array {
    const at = clientClass * PROTOCOLS.length + protocol
    return this.middles[at] ?? MIDDLES[protocol] ?? NOTHING
  }

  /** The fields from `app` to `source`. */
  rule(claim: number, record: number): RuleFields {
    if (claim < 0) return NO_RULE
    return this.records.get(claim, record) ?? this.add(claim, record)
  }

  /**
   * `pattern` and `source` of what `rule` has given.
   *
   * @param asked octets of the name asked for; 0 where another name led to the rule
   */
  matched(fields: RuleFields, claim: number, record: number, asked: number): Uint8Array {
    if (asked === fields.length) return fields.whole
    return (fields.below ??= this.matchedFields(claim, this.findMatch(claim, record, false)))
  }

  private add(claim: number, record: number): RuleFields {
    if (this.records.size >= MOST_RECORDS) this.records.clear()
    const self = this.findMatch(claim, record, true)
    const whole = this.matchedFields(claim, self)
    const rule = this.ruleFields(claim)
    const made = { rule, length: self?.length ?? 0, whole, below: undefined }
    this.records.set(claim, record, made)
    return made
  }

  private ruleFields(claim: number): Uint8Array {
    const known = this.rules.get(claim)
    if (known !== undefined) return known
    const spoke = this.snapshot?.claims[claim]
    const made = spoke === undefined ? NOTHING : ruleFields(spoke)
    this.rules.set(claim, made)
    return made
  }

  private matchedFields(claim: number, matched: Matched | undefined): Uint8Array {
    const spoke = this.snapshot?.claims[claim]
    return spoke === undefined || matched === undefined ? NOTHING : matchedFields(spoke, matched)
  }

  private findMatch(claim: number, record: number, whole: boolean): Matched | undefined {
    if (record < 0 || this.snapshot === undefined) return undefined
    return this.matchedRule(this.snapshot, claim, record, whole)
  }
}

/** By protocol. */
function middlesOf(network: string | undefined): Uint8Array[] {
  const first = network === undefined ? NOTHING : field('network', network)
  return PROTOCOLS.map(word => Buffer.concat([first, ascii(`,"protocol":"${word}","qname":"`)]))
}

/** Of clients in no network. */
const MIDDLES = middlesOf(undefined)

function headOf(generation: number, snapshot: Snapshot | undefined): Uint8Array {
  const sha256 = snapshot?.sha256.slice(0, SHA256_DIGITS)
  const bundle = snapshot?.bundle
  const serial = bundle === undefined ? '' : `,"serial":${bundle.serial}`
  const rules = sha256 === undefined ? '' : `,"sha256":"${sha256}"${serial}`
  return ascii(`Z","generation":${generation}${rules}`)
}

function ruleFields({ source, kind, ruleId, ruleFile, ruleLine }: Claim): Uint8Array {
  // No rule spoke, but an RFC.
  if (source.kind === 'local') return NOTHING
  return Buffer.concat([
    source.kind === 'inline' ? NOTHING : field(source.kind, source.id),
    field(kind, ruleId),
    field('rule', `${ruleFile}:${ruleLine}`)
  ])
}

function matchedFields({ source }: Claim, matched: Matched): Uint8Array {
  const { pattern, sourceFile, sourceLine } = matched
  const place = source.kind === 'local' ? sourceFile : `${sourceFile}:${sourceLine}`
  return Buffer.concat([field('pattern', pattern), field('source', place)])
}

/** `,"name":"text"`, in UTF-8. */
export function field(name: string, text: string): Uint8Array {
  return Buffer.from(`,"${name}":${JSON.stringify(text)}`)
}
