import type { Claim, Snapshot } from '../policy/snapshot.js'
import { PROTOCOL } from './event.js'
import { PairMap } from './pair-map.js'
import { modeOf, strictest, type PrivacyMode, type PrivacyOptions } from './privacy/mode.js'
import { ascii } from './text.js'

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

/** The fields of one rule and record, for the name itself and for those below it. */
interface RuleFields {
  /** Octets of the name. */
  readonly length: number
  readonly whole: Uint8Array
  /** Once it was asked for. */
  below: Uint8Array | undefined
}

/**
 * Most rule pieces kept per snapshot: some 250 octets each, 4 MiB in all. There are as many as
 * listed names that are asked for; the busy ones fit, and one anew costs 3 µs.
 */
const MOST_RULES = 16_384

/** Hexadecimal digits of the rules' SHA-256 in each line: 48 bits tell all rules of a site apart. */
const SHA256_DIGITS = 12

const NOTHING = new Uint8Array(0)

const PROTOCOLS = Object.keys(PROTOCOL)

/** Everything in a line that a snapshot decides, as octets ready to be copied. */
export class SnapshotPieces {
  /** From the end of the time to before the client. */
  readonly head: Uint8Array
  /** From after the client to before the name, by client class and protocol. */
  readonly #middles: readonly Uint8Array[]
  readonly #modes: readonly PrivacyMode[]
  readonly #otherMode: PrivacyMode
  readonly #rules = new PairMap<RuleFields>()

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
    this.#middles = classes.flatMap(network => middlesOf(ids[network]))
    this.#modes = classes.map(network => modeOf(privacy, ids[network]))
    this.#otherMode = strictest(privacy)
  }

  /** How a client is written; one of whom nothing is known any more, as the strictest network is. */
  privacy(clientClass: number): PrivacyMode {
    return this.#modes[clientClass] ?? this.#otherMode
  }

  /** The fields from `network` to before the name. */
  middle(clientClass: number, protocol: number): Uint8Array {
    const at = clientClass * PROTOCOLS.length + protocol
    return this.#middles[at] ?? MIDDLES[protocol] ?? NOTHING
  }

  /**
   * The fields from `app` to `source`; nothing where no rule spoke.
   *
   * @param asked octets of the name asked for; 0 where another name led to the rule
   */
  rule(claim: number, record: number, asked: number): Uint8Array {
    const known = this.#rules.get(claim, record) ?? this.#add(claim, record)
    if (asked === known.length) return known.whole
    return (known.below ??= this.#fields(claim, this.#matched(claim, record, false)))
  }

  #add(claim: number, record: number): RuleFields {
    if (this.#rules.size >= MOST_RULES) this.#rules.clear()
    const self = this.#matched(claim, record, true)
    const whole = this.#fields(claim, self)
    const made = { length: self?.length ?? 0, whole, below: undefined }
    this.#rules.set(claim, record, made)
    return made
  }

  #fields(claim: number, matched: Matched | undefined): Uint8Array {
    const spoke = this.snapshot?.claims[claim]
    return spoke === undefined ? NOTHING : ruleFields(spoke, matched)
  }

  #matched(claim: number, record: number, whole: boolean): Matched | undefined {
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

function ruleFields(claim: Claim, matched: Matched | undefined): Uint8Array {
  const { kind, id } = claim.source
  // No rule spoke, but an RFC.
  if (kind === 'local') return matchedFields(matched, matched?.sourceFile)
  return Buffer.concat([
    kind === 'inline' ? NOTHING : field(kind, id),
    field(claim.kind, claim.ruleId),
    field('rule', `${claim.ruleFile}:${claim.ruleLine}`),
    matchedFields(matched, `${matched?.sourceFile}:${matched?.sourceLine}`)
  ])
}

function matchedFields(matched: Matched | undefined, place = ''): Uint8Array {
  if (matched === undefined) return NOTHING
  return Buffer.concat([field('pattern', matched.pattern), field('source', place)])
}

/** `,"name":"text"`, in UTF-8. */
export function field(name: string, text: string): Uint8Array {
  return Buffer.from(`,"${name}":${JSON.stringify(text)}`)
}
