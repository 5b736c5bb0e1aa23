import type { Position } from '../../base/errors/position.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import type { OutputConfig } from './output-config.js'

export interface QueryLogConfig {
  readonly which: 'bans' | 'blocked' | 'all' | 'none'
  readonly path: string
  /** Maximum time before a record is written. */
  readonly flush: Milliseconds
  readonly rotation: { readonly octets: Octets; readonly daily: boolean }
  /** Whether closed files are converted to Parquet. */
  readonly archive: boolean
  /** Undefined: no hash chain. */
  readonly chain: ChainConfig | undefined
  /** Undefined: no witness. */
  readonly witness: WitnessConfig | undefined
  /** Undefined: keep forever. */
  readonly retention: RetentionConfig | undefined
  readonly privacy: PrivacyConfig
}

/** Retention of lookups. */
export interface RetentionConfig {
  /** 0: forever. */
  readonly days: number
  /** Size limit of all log files together; 0: no limit. */
  readonly space: Octets
  /** Networks with a shorter retention. */
  readonly networks: readonly {
    readonly id: string
    readonly days: number
    /** Position of the setting, for networks that are not in the rules. */
    readonly position: Position
  }[]
}

/** The hash chain that proves the query log unchanged. */
export interface ChainConfig {
  /** Path of the private key. */
  readonly signKey: string
  /** Public keys that earlier lines may be signed with. */
  readonly earlierKeys: readonly string[]
  /** Maximum time between two chain lines. */
  readonly checkpoint: Milliseconds
  /** True if checkpoints cover the lines of the live file, because there is a witness. */
  readonly coversLive: boolean
  /** Position of the key's setting, for an unusable key. */
  readonly position: Position
}

/** Third parties that confirm checkpoints of the chain, so that the gateway alone cannot rewrite the log. */
export interface WitnessConfig {
  /** Interval of checkpoints. */
  readonly every: Milliseconds
  /** Undefined: none. */
  readonly tsa: TimeStampingConfig | undefined
  /** A syslog server; undefined: none. */
  readonly syslog: OutputConfig | undefined
  /** Public key of the hub of the fleet; `root`: those of the root of trust; undefined: the hub is not a witness. */
  readonly hubKey: string | undefined
  /** Position of the section, for unusable files. */
  readonly position: Position
}

/** A time-stamping authority: RFC 3161. */
export interface TimeStampingConfig {
  readonly url: string
  /** Certificates (PEM) that its time stamps are verified with. */
  readonly caFile: string
  readonly proxy?: HttpProxy | undefined
}

/** What is logged of a client address: all of it, its prefix, a pseudonym, or nothing. */
export type PrivacyMode = 'full' | 'prefix' | 'pseudonym' | 'none'

/** How clients are identified in the query log. */
export interface PrivacyConfig {
  /** For networks not listed below, and for clients outside every network. */
  readonly default: PrivacyMode
  readonly networks: readonly {
    readonly id: string
    readonly mode: PrivacyMode
    /** Position of the setting, for networks that are not in the rules. */
    readonly position: Position
  }[]
  /** Prefix lengths of mode `prefix`. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  /** Whether pseudonyms of addresses with a common prefix have a common prefix. */
  readonly preservePrefix: boolean
  /** Keys of pseudonyms. */
  readonly keys: {
    readonly folder: string
    readonly rotation: 'daily' | 'monthly'
    /** How long a key is kept after its day or month. */
    readonly keep: Milliseconds
  }
}
