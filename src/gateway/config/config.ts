import type { BindingsConfig } from '../../sources/settings/bindings-config.js'
import type { TrustSettings } from '../../sources/bundle/trusted-keys.js'
import type { Prefix } from '../../base/values/address.js'
import type { Position } from '../../base/errors/position.js'
import type { Milliseconds, Octets, Seconds } from '../../base/units.js'
import type { TlsAlgorithms } from '../../wire/tls/tls-algorithms.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'
import type { PortRange } from '../../wire/sockets/source-ports.js'
import type { UpstreamServer } from '../../wire/sockets/upstream-server.js'
import type { AcmeConfig } from './acme-config.js'
import type { AlertHookConfig } from './alert-config.js'
import type { FleetConfig } from './fleet-config.js'
import type { OidcConfig } from './oidc-config.js'
import type { OutputConfig } from '../../lookups/settings/output-config.js'
import type { QueryLogConfig } from '../../lookups/settings/query-log-config.js'
import type { MustResolve } from '../../policy/rules/model/types.js'
import type { ScheduledReport, SmtpConfig } from '../../analysis/settings/report-config.js'
import type {
  ProxyConfig,
  RemoteListsConfig,
  TransfersConfig
} from '../../sources/settings/sources-config.js'

/**
 * The validated settings with every default filled in. Plain data, since it is sent to other threads.
 * Paths are absolute. `docs/reference/settings.md` says what each key means.
 */
export interface Config {
  /** The settings file, which need not exist. */
  readonly file: string
  readonly listen: readonly ListenConfig[]
  readonly tls: TlsConfig
  readonly workers: number | 'auto'
  readonly transport: 'auto' | 'batch' | 'portable'
  /** When workers compile their code before they listen. */
  readonly warmUp: 'upgrade' | 'always'
  /** The rules folder; with `bundle`, the bundle file. */
  readonly rules: string
  /** Other folders in which files that the rules name may be. */
  readonly outsideFolders: readonly string[]
  /** Undefined: the rules are a folder. */
  readonly bundle: BundleConfig | undefined
  readonly activation: ActivationConfig
  /** Undefined: the rules may be anything. */
  readonly mandates: MandatesConfig | undefined
  /** Undefined: the apps are those of the rules. */
  readonly catalogue: CatalogueConfig | undefined
  /** Undefined: rules name no ASNs. */
  readonly asnDatabase: string | undefined
  readonly upstreams: UpstreamsConfig
  readonly cache: CacheConfig
  readonly identity: IdentityConfig
  /** Undefined: listeners are not announced. */
  readonly discovery: DiscoveryConfig | undefined
  readonly structuredErrors: StructuredErrorsConfig
  /** Undefined: `interdict certificate renew` has nothing to do. */
  readonly acme: AcmeConfig | undefined
  readonly cookies: CookiesConfig
  readonly tcp: TcpConfig
  readonly limits: LimitsConfig
  readonly frontEnds: FrontEndsConfig
  readonly specialUse: SpecialUseConfig
  readonly rebindingGuard: RebindingGuardConfig
  readonly dnssec: DnssecConfig
  readonly probe: ProbeConfig
  readonly state: StateConfig
  readonly history: HistoryConfig
  readonly remoteLists: RemoteListsConfig
  /** Undefined: HTTP requests go to servers directly. */
  readonly proxy: ProxyConfig | undefined
  readonly transfers: TransfersConfig
  readonly bindings: BindingsConfig
  readonly egress: EgressConfig
  readonly admin: {
    /** Undefined: no admin socket. */
    readonly socket: AdminSocketConfig | undefined
    /** Undefined: no HTTP. */
    readonly http: Endpoint | undefined
    /** Undefined: HTTP without TLS. */
    readonly tls: CertificateConfig | undefined
    /** The file of tokens for the HTTP API; undefined: no API, only health and metrics. */
    readonly tokens: string | undefined
    /** States that must be good, beside `serving`, for the gateway to be ready. */
    readonly readyRequires: readonly ('policy' | 'evidence')[]
    /** The longest pause of a block. */
    readonly maxPause: Milliseconds
    /** `second-person`: a draft needs the approval of another person than the one who made it. */
    readonly approval: 'none' | 'second-person'
    /** Whether the dashboard is served beside the API. */
    readonly dashboard: boolean
    /** Path of the socket of the hub whose fleet is shown; undefined: none. */
    readonly hub: string | undefined
    /** Undefined: people cannot log in; only tokens are accepted. */
    readonly oidc: OidcConfig | undefined
  }
  readonly log: {
    readonly service: ServiceLogConfig
    readonly queries: QueryLogConfig
    readonly outputs: readonly OutputConfig[]
  }
  /** Webhooks that get alerts. */
  readonly alerts: readonly AlertHookConfig[]
  /** Reports that are made by themselves. */
  readonly reports: readonly ScheduledReport[]
  /** The mail server for reports; undefined: none. */
  readonly smtp: SmtpConfig | undefined
  /** Undefined: this gateway belongs to no fleet. */
  readonly fleet: FleetConfig | undefined
  /** Files with private keys and secrets, see `keyFilesOf`. */
  readonly keyFiles: readonly KeyFile[]
  readonly shutdown: {
    readonly grace: Milliseconds
    /** How long queries are still accepted, while the gateway already says that it is not ready. */
    readonly lameDuck: Milliseconds
  }
}

/** A file with a private key or a secret. */
export interface KeyFile {
  readonly file: string
  /** Of the setting that names it. */
  readonly position: Position
}

/** When rules that were saved come into force. */
export interface ActivationConfig {
  /** `manual`: when they are applied. Bundles: always `on-save`. */
  readonly activate: 'on-save' | 'manual'
  /** What a failing policy test does: the rules are refused, or it is only reported. */
  readonly tests: 'refuse' | 'warn'
}

/** The signatures that a bundle must have. */
export interface BundleConfig {
  /** Ed25519 public keys, as printed by `interdict bundle keygen`. */
  readonly keys: readonly string[]
  /** Files with one such key each. */
  readonly keyFiles: readonly string[]
  /** The number of trusted keys that must have signed it. */
  readonly signatures: number
  /** Root of trust in place of keys and signatures. */
  readonly rootFile: string | undefined
}

/** Where the catalogue of apps is from. */
export interface CatalogueConfig {
  /** `https:` or `file:`. */
  readonly url: string
  /** Keys of catalogues alone. */
  readonly trust: TrustSettings
  /** Undefined: only by command. */
  readonly interval: Milliseconds | undefined
  /** How long new names are only monitored. */
  readonly monitored: Milliseconds
  /** The only version that is used; undefined: the newest one. */
  readonly version: string | undefined
}

/** What authorities order to be banned, which no rules may satisfy less than those in force. */
export interface MandatesConfig {
  readonly folder: string
  /** Ed25519 public keys of the authorities; one of them must have signed a mandate. */
  readonly keys: readonly string[]
  /** Files with one such key each. */
  readonly keyFiles: readonly string[]
  /** Root of trust in place of keys. */
  readonly rootFile: string | undefined
}

export interface UpstreamsConfig {
  /** Empty: the name servers of /etc/resolv.conf, if `useResolvConf`. */
  readonly servers: readonly UpstreamServer[]
  readonly useResolvConf: boolean
  /** Upstreams for individual domains and all names below them; the longest match wins. */
  readonly forward: readonly ForwardConfig[]
  /** For one attempt. */
  readonly timeout: Milliseconds
  /** For all attempts together. */
  readonly giveUp: Milliseconds
  /** Whether query names are sent in random case, which responses must repeat (0x20 encoding). */
  readonly caseRandomization: boolean
  /** Whether queries carry DNS cookies (RFC 7873), which responses must return. */
  readonly cookies: boolean
  /** Local ports of queries over UDP, without those of other services. */
  readonly sourcePorts: readonly PortRange[]
  /** Upstreams that have not responded for so long are probed; 0: never. */
  readonly idleProbe: Milliseconds
  /** Interval of forwarding loop detection; 0: off. */
  readonly loopCheck: Seconds
}

export interface ForwardConfig {
  /** As written in the settings. */
  readonly domain: string
  /** Lower-cased wire form. */
  readonly name: Uint8Array
  readonly servers: readonly UpstreamServer[]
}

/** Of all workers together, which share the cache. */
export interface CacheConfig {
  readonly size: Octets
  readonly minTtl: Seconds
  readonly maxTtl: Seconds
  readonly negativeMaxTtl: Seconds
  readonly failureTtl: Seconds
  /** How long expired answers may be served while no upstream answers (RFC 8767); 0: never. */
  readonly staleMax: Seconds
  /** How long a client waits before it gets a stale answer. */
  readonly staleAfter: Milliseconds
  /** How long a stale answer is served before upstreams are queried again. */
  readonly staleRecheck: Seconds
  /** Whether popular answers are refreshed before they expire. */
  readonly prefetch: boolean
}

/** Identity of the server, for version.bind, id.server and NSID; '': not revealed. */
export interface IdentityConfig {
  readonly version: string
  readonly name: string
}

/** How clients find the encrypted listeners: DDR (RFC 9462), and what `interdict onboard` prints. */
export interface DiscoveryConfig {
  /** The name in the certificate that clients verify, in lower case, without a final dot. */
  readonly name: string
  /** Addresses under which clients reach the gateway; empty: the addresses of the encrypted listeners. */
  readonly addresses: readonly string[]
  /** Position of the name's setting, for a certificate that does not cover it. */
  readonly position: Position
}

/** Structured DNS errors for clients that ask for them. draft-ietf-dnsop-structured-dns-error. */
export interface StructuredErrorsConfig {
  readonly enabled: boolean
  /** OPTION-CODE by which clients ask; 0: only by an extended error option. */
  readonly optionCode: number
  /** Whether also over UDP and TCP. */
  readonly unencrypted: boolean
  /** Operator ID of a filtering database; '': none. */
  readonly filteringDatabase: string
}

/** Validation of answers, where the rules want it. */
export interface DnssecConfig {
  /** In zone file format: see `readTrustAnchor`. Beside the root's, or instead of it. */
  readonly trustAnchors: readonly string[]
}

/** DNS cookies: RFC 7873, RFC 9018. */
export interface CookiesConfig {
  /** Whether clients get server cookies. */
  readonly server: boolean
  /** The file of server secrets; undefined: a random secret of this process. */
  readonly secretFile: string | undefined
}

export interface TcpConfig {
  readonly idle: Milliseconds
  /** Per worker. */
  readonly maxConnections: number
  /** Per client (see `limits.bits`) and worker. */
  readonly maxConnectionsPerClient: number
  /** Pending queries per connection. */
  readonly maxInFlight: number
}

/** Rate limits per client and worker; 0: no limit. */
export interface LimitsConfig {
  readonly queriesPerSecond: number
  /** Identical responses. */
  readonly responsesPerSecond: number
  /** The burst size of an idle client, as the time in which its rate would allow that many. */
  readonly burst: Milliseconds
  /** Every n-th query above a limit is answered with TC, the others are dropped; 0: none. */
  readonly slip: number
  /** Part of a worker's CPU time for handshakes and protocol messages of one client: 0 to 1; 0: no limit. */
  readonly cpuShare: number
  /** Prefix lengths that count as one client. */
  readonly bits: { readonly ipv4: number; readonly ipv6: number }
  readonly exempt: readonly Prefix[]
}

/** Proxies trusted to supply the client address, by protocol. */
export interface FrontEndsConfig {
  readonly proxyProtocol: readonly Prefix[]
  readonly clientSubnet: readonly Prefix[]
}

/** Special-use names (RFC 6761), which are answered locally. */
export interface SpecialUseConfig {
  readonly answer: boolean
  /** Lower-cased wire forms of domains that are forwarded, with all names below them. */
  readonly except: readonly Uint8Array[]
}

/** DNS rebinding protection: internal addresses that the default upstreams may not return. */
export interface RebindingGuardConfig {
  readonly enabled: boolean
  /** Lower-cased wire forms of domains that may have such addresses, with all names below them. */
  readonly allow: readonly Uint8Array[]
  readonly addresses: readonly Prefix[]
}

/** How the gateway checks that it enforces its own rules. */
export interface ProbeConfig {
  readonly enabled: boolean
  /** Within which each ban is asked of each network. */
  readonly every: Milliseconds
  /** In each round. */
  readonly namesPerBan: number
  /** Names that must resolve, as `must-resolve` in the rules. */
  readonly control: readonly MustResolve[]
  /** Certificates of authorities that clients trust, besides the built-in ones. */
  readonly caFile: string | undefined
}

/** The helper for egress. */
export interface EgressConfig {
  /** Its Unix socket for connections of clients; undefined: connections are not observed. */
  readonly connections: string | undefined
  /** Unix socket of the helper that denies addresses; undefined: none are denied. */
  readonly firewall: string | undefined
  /** How long an address is known before it is denied. */
  readonly learnFor: Milliseconds
  /** The private key that signs denied addresses for other firewalls; undefined: they get none. */
  readonly exportKey: string | undefined
}

/** Whether something may deny addresses: a helper, or firewalls elsewhere. */
export const canDeny = ({ firewall, exportKey }: EgressConfig): boolean =>
  (firewall ?? exportKey) !== undefined

/** State received from others that is kept over a restart. */
export interface StateConfig {
  /** Created when there is something to store. */
  readonly folder: string
}

/** The history of rules in the state folder. */
export interface HistoryConfig {
  /** Lists and transferred zones up to this size are stored by their content, others by their digest. */
  readonly listSize: Octets
}

/** The socket for `interdict status` and `interdict flush`. */
export interface AdminSocketConfig {
  /** As written in the settings; by default, the places that are tried in this order, or none. */
  readonly paths: readonly string[]
  /** Position of the setting, for errors when the socket is opened; undefined: the default. */
  readonly position: Position | undefined
}

/** An address that clients are answered on. */
export interface ListenConfig extends Endpoint {
  /** For DNS over TLS or HTTPS; undefined: UDP and TCP. */
  readonly certificates?: readonly ServedCertificateConfig[]
  /** Path of DNS over HTTPS (RFC 8484), such as /dns-query; undefined: another protocol. */
  readonly dohPath?: string
  /** How clients are recognized; only with `certificates`. */
  readonly recognition?: RecognitionConfig
}

/** See `RecognitionOptions` in `resolver/server/client-recognizer.ts`. */
export interface RecognitionConfig {
  readonly name: string | undefined
  readonly unknown: 'address' | 'refuse'
  readonly missing: 'address' | 'refuse'
}

/** TLS towards clients. */
export interface TlsConfig {
  readonly handshakeTimeout: Milliseconds
  /** Handshakes in progress per listener and worker. */
  readonly maxHandshakes: number
  /** What ticket keys are derived from; undefined: they are random. */
  readonly ticketSecret: { readonly path: string; readonly position: Position } | undefined
  readonly algorithms: TlsAlgorithms
}

export interface ServedCertificateConfig extends CertificateConfig {
  /** Of the setting, for errors of the files. */
  readonly position: Position
  /** Server names for which it is chosen before any other; undefined: the names that it has. */
  readonly serverNames?: readonly string[] | undefined
  /** Whether clients that get it are asked for a certificate of theirs; undefined: they are not. */
  readonly requestsClientCertificates?: boolean
}

/** Paths of a certificate with its chain, and of its private key. */
export interface CertificateConfig {
  readonly certificate: string
  readonly key: string
  /** Position of the setting, for an unusable certificate. */
  readonly position: Position
}

export interface ServiceLogConfig {
  readonly level: 'info' | 'warn' | 'error' | 'silent'
  readonly destination: { readonly path: string } | 'stderr'
}
