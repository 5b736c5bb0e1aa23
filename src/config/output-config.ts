import type { Octets } from '../base/units.js'

/** Where else the lines of the query log go. */
export interface OutputConfig {
  readonly name: string
  readonly type: 'syslog' | 'json' | 'dnstap' | 'otlp'
  readonly to: OutputAddress
  readonly which: 'all' | 'blocked'
  readonly format: 'interdict' | 'sentence' | 'ecs' | 'ocsf'
  /** Files; '': none. */
  readonly tls: {
    readonly ca: string
    readonly cert: string
    readonly key: string
    /** That the certificate has to have. */
    readonly serverName: string
  }
  /** With `otlp`: a file of further headers; '': none. */
  readonly headers: string
  /** With `otlp`: of what is sent. */
  readonly compression: 'none' | 'gzip'
  readonly spool: { readonly folder: string; readonly octets: Octets }
}

export interface OutputAddress {
  readonly kind: 'udp' | 'tcp' | 'tls' | 'unix' | 'http' | 'https'
  /** A name or an address; the path of a Unix socket, with port 0. */
  readonly host: string
  readonly port: number
  /** Of a URL; '' for all that is none. */
  readonly path: string
}
