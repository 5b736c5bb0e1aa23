import type { Position } from '../../base/errors/position.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'

/** How this gateway learns which signed bundle it should run, and reports what it runs. Paths are absolute. */
export interface FleetConfig {
  /** Name of this gateway in the fleet. */
  readonly name: string
  /** Group of gateways that get new bundles at the same time. */
  readonly ring: string
  /** Undefined: no NATS. */
  readonly nats: FleetNatsConfig | undefined
  /** Undefined: no pull. */
  readonly pull: FleetPullConfig | undefined
  /** Undefined: closed log files stay here. */
  readonly logs?: FleetLogsConfig | undefined
  /** Where reports go while NATS is not connected; undefined: nowhere. */
  readonly reports?: FleetReportsConfig | undefined
  /** How often this gateway reports its state. */
  readonly report: Milliseconds
  /** Of the section. */
  readonly position: Position
}

/** Where closed files of the query log are sent. */
export interface FleetLogsConfig {
  /** `nats`, `s3://bucket/prefix` or the absolute path of a folder. */
  readonly to: string
  /** Undefined unless `to` is an S3 bucket. */
  readonly s3: FleetS3Config | undefined
  /** Octets per second. */
  readonly rate: Octets
  /** Whether retention waits until the centre has confirmed a day. */
  readonly keepUntilConfirmed: boolean
  /** Whether blocked lookups are sent to NATS at once. */
  readonly live: boolean
}

export interface FleetS3Config {
  /** URL of the S3 service. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** Before each key; empty or ending with `/`. */
  readonly prefix: string
  /** File with `aws_access_key_id` and `aws_secret_access_key`. */
  readonly credentials: string
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
}

export interface FleetNatsConfig {
  /** URLs: `tls://host:port` or `nats://host:port`. */
  readonly servers: readonly string[]
  /** File with the JWT and the nkey seed of this gateway. */
  readonly credentials: string
  /** CA certificates (PEM) trusted in addition to the built-in ones. */
  readonly caFile: string | undefined
  /** Client certificate and key (PEM); undefined: none. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined
}

export interface FleetPullConfig {
  /** URL of `channel.json`. */
  readonly url: string
  readonly interval: Milliseconds
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
}

export interface FleetReportsConfig {
  /** URL at the hub. */
  readonly url: string
  /** As for NATS: its key signs the reports. */
  readonly credentials: string
  readonly caFile: string | undefined
  readonly proxy?: HttpProxy | undefined
}
