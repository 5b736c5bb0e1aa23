import type { Prefix } from '../base/address.js'
import type { Position } from '../base/position.js'
import type { Milliseconds, Octets, Seconds } from '../base/units.js'
import type { Endpoint } from '../udp/datagram.js'
import type { OutputConfig } from './output-config.js'

/**
 * The settings, checked, with every default filled in. Plain data: it is sent to other threads.
 * Paths are absolute. `docs/reference/settings.md` says what each key means.
 */
export interface Config {
  readonly listen: readonly Endpoint[]
  readonly workers: number | 'auto'
  readonly transport: 'auto' | 'batch' | 'portable'
  /** The rules folder; with `bundle`, the bundle that is offered. */
  readonly rules: string
  /** Undefined: rules are a folder. */
  readonly bundle: BundleConfig | undefined
  readonly upstreams: UpstreamsConfig
  readonly cache: CacheConfig
  readonly identity: IdentityConfig
  readonly cookies: CookiesConfig
  readonly tcp: TcpConfig
  readonly limits: LimitsConfig
  readonly frontEnds: FrontEndsConfig
  readonly specialUse: SpecialUseConfig
  readonly rebindingGuard: RebindingGuardConfig
  readonly state: StateConfig
  readonly remoteLists: RemoteListsConfig
  readonly transfers: TransfersConfig
  /** Undefined: nobody can ask the running gateway. */
  readonly admin: { readonly socket: AdminSocketConfig | undefined }
  readonly log: {
    readonly service: ServiceLogConfig
    readonly queries: QueryLogConfig
    readonly outputs: readonly OutputConfig[]
  }
  readonly shutdown: { readonly grace: Milliseconds }
}

/** Whose signatures a bundle has to have. */
export interface BundleConfig {
  /** Ed25519, as `interdict bundle keygen` prints them. */
  readonly keys: readonly string[]
  /** Each has one such key. */
  readonly keyFiles: readonly string[]
  readonly signatures: number
}

export interface UpstreamsConfig {
  /** Empty: those of the system, if `useResolvConf`. */
  readonly servers: readonly Endpoint[]
  readonly useResolvConf: boolean
  /** Other upstreams for some names: each stands for itself and all below it; longest wins. */
  readonly forward: readonly ForwardConfig[]
  /** For one try. */
  readonly timeout: Milliseconds
  /** For all tries together. */
  readonly giveUp: Milliseconds
  /** Whether names are asked in random case, which answers have to repeat. */
  readonly caseRandomization: boolean
  /** Whether they are sent cookies, which they have to give back. */
  readonly cookies: boolean
  /** How often it is looked whether upstreams lead back here; 0: never. */
  readonly loopCheck: Seconds
}

export interface ForwardConfig {
  /** As it was written. */
  readonly domain: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly servers: readonly Endpoint[]
}

/** Each worker has a cache of its own. */
export interface CacheConfig {
  readonly size: Octets
  readonly minTtl: Seconds
  readonly maxTtl: Seconds
  readonly negativeMaxTtl: Seconds
  readonly failureTtl: Seconds
  /** How long answers that are over may be given while no upstream answers; 0: never. */
  readonly staleMax: Seconds
  /** How long clients wait for upstreams before that. */
  readonly staleAfter: Milliseconds
  /** How long it is given before they are asked again. */
  readonly staleRecheck: Seconds
  /** Whether hot answers are asked for anew before they are over. */
  readonly prefetch: boolean
}

/** What the server says of itself to who asks; '': nothing. */
export interface IdentityConfig {
  readonly version: string
  readonly name: string
}

/** DNS cookies: RFC 7873, RFC 9018. */
export interface CookiesConfig {
  /** Whether clients are given cookies. */
  readonly server: boolean
  /** What they are made with; undefined: a secret of this process alone. */
  readonly secretFile: string | undefined
}

export interface TcpConfig {
  readonly idle: Milliseconds
  /** Of one worker. */
  readonly maxConnections: number
  /** Of one client (see `limits.bits`), of one worker. */
  readonly maxConnectionsPerClient: number
  /** Queries of one connection that wait for an answer. */
  readonly maxInFlight: number
}

/** What one client may take. A rate is of one worker; 0: no limit. */
export interface LimitsConfig {
  readonly queriesPerSecond: number
  /** Identical ones. */
  readonly responsesPerSecond: number
  /** What a quiet client may send at once, as the time in which its rate would allow it. */
  readonly burst: Milliseconds
  /** Of what is over a limit, each so many-th is answered with TC; 0: none. */
  readonly slip: number
  /** Bits of an address that stand for one client. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  readonly exempt: readonly Prefix[]
}

/** Whose word on the client's address is taken, and how they say it. */
export interface FrontEndsConfig {
  readonly proxyProtocol: readonly Prefix[]
  readonly clientSubnet: readonly Prefix[]
}

/** Names that are answered here because of what they are. */
export interface SpecialUseConfig {
  readonly answer: boolean
  /** Lower-cased wire forms: these are forwarded, with all below them. */
  readonly except: readonly Uint8Array[]
}

/** Addresses inside, which upstreams may not give to names outside. */
export interface RebindingGuardConfig {
  readonly enabled: boolean
  /** Lower-cased wire forms: they may have such addresses, and all below them. */
  readonly allow: readonly Uint8Array[]
  readonly addresses: readonly Prefix[]
}

/** What the gateway was told by others and keeps over a restart. */
export interface StateConfig {
  /** Made where it is missing, when there is something to keep. */
  readonly folder: string
}

/** How lists are fetched. */
export interface RemoteListsConfig {
  /** Who is asked for the names of their servers; empty: the upstreams. */
  readonly bootstrap: readonly Endpoint[]
  /** Certificates that are trusted besides those that are known. */
  readonly caFile: string | undefined
  /** For one list. */
  readonly timeout: Milliseconds
}

/** How zones of others are transferred. */
export interface TransfersConfig {
  /** In the order in which they are asked. */
  readonly primaries: readonly PrimaryConfig[]
  readonly keys: readonly TransferKeyConfig[]
  /** Of one transfer, as it comes. */
  readonly maxSize: Octets
  readonly maxTime: Milliseconds
}

export interface PrimaryConfig {
  readonly id: string
  readonly endpoint: Endpoint
  /** Name of a key, as it is written in `keys`; undefined: nothing is signed. */
  readonly key: string | undefined
}

/** What a primary and we share. The secret itself is read later. */
export interface TransferKeyConfig {
  /** As it was written. */
  readonly key: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly algorithm: 'hmac-sha256' | 'hmac-sha512'
  readonly secretFile: string
}

/** Where `interdict status` and `interdict flush` reach the gateway. */
export interface AdminSocketConfig {
  readonly path: string
  /** Of the setting, for errors that show only when the socket is opened. */
  readonly position: Position
}

export interface ServiceLogConfig {
  readonly level: 'info' | 'warn' | 'error' | 'silent'
  readonly destination: { readonly path: string } | 'stderr'
}

export interface QueryLogConfig {
  readonly which: 'blocked' | 'all' | 'none'
  readonly path: string
  /** Longest time that a record waits for being written. */
  readonly flush: Milliseconds
  readonly rotation: { readonly octets: Octets; readonly daily: boolean }
  /** Whether closed files become Parquet. */
  readonly archive: boolean
  /** Undefined: what becomes of its files is not recorded. */
  readonly chain: ChainConfig | undefined
  /** Undefined: for ever. */
  readonly retention: RetentionConfig | undefined
  readonly privacy: PrivacyConfig
}

/** How long lookups are kept. */
export interface RetentionConfig {
  /** 0: for ever. */
  readonly days: number
  /** For all files of the log; 0: as much as there is. */
  readonly space: Octets
  /** Networks whose lookups are kept for fewer days. */
  readonly networks: readonly {
    readonly id: string
    readonly days: number
    /** Of the setting, for networks that are not in the rules. */
    readonly position: Position
  }[]
}

/** How it can be shown that nobody has changed the query log. */
export interface ChainConfig {
  /** Path of the private key. */
  readonly signKey: string
  /** Public keys that lines of before may be signed with. */
  readonly earlierKeys: readonly string[]
  /** The chain gets a line at least so often. */
  readonly checkpoint: Milliseconds
  /** Of the setting of the key, for a key that cannot be used. */
  readonly position: Position
}

/** `full`: the address; `prefix`, `pseudonym`: what is left of it; `none`: nothing. */
export type PrivacyMode = 'full' | 'prefix' | 'pseudonym' | 'none'

/** What the query log has of clients. */
export interface PrivacyConfig {
  /** For networks that are not named, and for clients in none. */
  readonly default: PrivacyMode
  readonly networks: readonly {
    readonly id: string
    readonly mode: PrivacyMode
    /** Of the setting, for networks that are not in the rules. */
    readonly position: Position
  }[]
  /** Bits of an address that `prefix` leaves. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  /** Whether pseudonyms of addresses that begin alike begin alike. */
  readonly preservePrefix: boolean
  /** Of pseudonyms. */
  readonly keys: {
    readonly folder: string
    readonly rotation: 'daily' | 'monthly'
    /** How long after its day or month a key is kept. */
    readonly keep: Milliseconds
  }
}
