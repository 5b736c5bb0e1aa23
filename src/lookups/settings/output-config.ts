import type { Octets } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'

/** Another system to which query log lines are sent. */
export interface OutputConfig {
  readonly name: string
  readonly type: 'syslog' | 'json' | 'dnstap' | 'otlp'
  readonly to: OutputAddress
  readonly which: 'all' | 'blocked'
  readonly format: 'interdict' | 'sentence' | 'ecs' | 'ocsf'
  /** File paths; '': none. */
  readonly tls: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    /** The name that the server certificate must have. */
    readonly serverName: string
  }
  /** A file of additional HTTP headers, for `otlp`; '': none. */
  readonly headers: string
  /** Of the request body, for `otlp`. */
  readonly compression: 'none' | 'gzip'
  /** For `otlp`. */
  readonly proxy?: HttpProxy | undefined
  readonly spool: { readonly folder: string; readonly octets: Octets }
}

export interface OutputAddress {
  readonly kind: 'udp' | 'tcp' | 'tls' | 'unix' | 'http' | 'https'
  /** A host name or address; or the path of a Unix socket, with port 0. */
  readonly host: string
  readonly port: number
  /** The path of a URL; '' for other addresses. */
  readonly path: string
}
