import { createHash } from 'node:crypto'
import type { ByteStream } from '../../base/bytes/byte-stream.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import { ClientCertificates, type CertificateFacts } from '../../wire/pki/client-certificate.js'
import {
  type Identification,
  type IdentityFinder,
  type IdentityStatus,
  type ClientCredentials
} from '../../wire/pki/identity.js'
import type { ClientIdentity } from '../context/client-identity.js'

/** What a listener does with a client that it cannot recognize. */
export type Unrecognized = 'address' | 'refuse'

/** What a client has presented in its handshake. */
export interface ClientHandshake {
  /** As in `TLSSocket`. */
  readonly servername: string | false | null
  /** In DER; undefined: none. */
  peerCertificate(): Uint8Array | undefined
}

/** A connection with TLS. */
export interface ClientTlsStream extends ByteStream, ClientHandshake {
  /** Whether the client has asked for HTTP/2 by ALPN. */
  readonly isHttp2: boolean
}

/** How a listener recognizes clients. */
export interface RecognitionOptions {
  /** Server names of clients are a label and this name; undefined: server names do not matter. */
  readonly name: string | undefined
  /** What becomes of a client whose identity is unknown or revoked. */
  readonly unknown: Unrecognized
  /** What becomes of a client that presents nothing. */
  readonly missing: Unrecognized
}

/** What a listener recognizes clients by. */
export interface Recognition {
  /** Shared by the listeners of a thread. */
  readonly recognizer: ClientRecognizer
  readonly options: RecognitionOptions
}

/** The rules by which clients are recognized. */
export interface RecognitionRules {
  readonly finder: IdentityFinder
  /** Certificates of authorities, in PEM. */
  readonly authorities: readonly string[]
}

/** Connections, by what became of them. */
export interface IdentityCounts extends Record<IdentityStatus, number> {
  /** The client presented nothing. */
  missing: number
  /** Closed at once, because the client was unknown or revoked, or presented nothing. */
  refused: number
  /** Closed later, because the identity was revoked, deleted or has expired. */
  cut: number
}

export const NO_IDENTITIES: Readonly<IdentityCounts> = {
  known: 0,
  unknown: 0,
  revoked: 0,
  missing: 0,
  refused: 0,
  cut: 0
}

/** Reports a connection whose client is unknown or revoked. */
export type ReportIdentity = (identification: Identification, isClosed: boolean) => void

/** What the gateway's own probe presents, which is admitted everywhere, and is a client by its address. */
const NO_CREDENTIALS: ClientCredentials = {
  certificate: undefined,
  label: undefined,
  token: undefined
}
const PROBE: Identification = {
  ...{ status: 'known', method: 'sni', clientClass: 0, addressClass: 0 },
  ...{ device: undefined, client: undefined, reason: undefined }
}

const textEncoder = new TextEncoder()

/** Recognizes the clients of all encrypted listeners of a thread, and keeps to the rules in force. */
export class ClientRecognizer {
  readonly counts: IdentityCounts = { ...NO_IDENTITIES }
  /** Ids of the clients seen, with the number of their connections since the start. */
  readonly seen = new Map<string, number>()
  /** Changes with the rules. */
  version = 0
  /** In PEM, for the request of a certificate; empty: certificates are not requested. */
  authorities = ''
  private finder: IdentityFinder | undefined
  private certificates = new ClientCertificates([])

  /** @param isProbe whether a connection with this server name, from this address, is the gateway's own probe */
  constructor(
    private readonly clock: Clock,
    private readonly report: ReportIdentity,
    private readonly isProbe: (
      servername: ClientHandshake['servername'],
      address: Uint32Array
    ) => boolean
  ) {}

  /** Takes other rules. Identities follow when they are next used, or with `refresh`. */
  adopt(rules: RecognitionRules | undefined): void {
    this.version++
    this.finder = rules?.finder
    const authorities = rules?.authorities ?? []
    const text = authorities.join('')
    if (text === this.authorities) return
    this.authorities = text
    this.certificates = new ClientCertificates(authorities)
  }

  /**
   * The identity of the client of a new connection.
   *
   * @param token in the path of its requests; undefined: none
   * @param isLater whether its requests may still have tokens
   * @returns undefined: the client is identified by its address; null: the connection has to be closed
   */
  recognize(
    stream: ClientHandshake,
    address: Uint32Array,
    options: RecognitionOptions,
    token?: string,
    isLater = false
  ): ConnectionIdentity | undefined | null {
    const { finder, counts } = this
    if (this.isProbe(stream.servername, address))
      return new ConnectionIdentity(this, NO_CREDENTIALS, address, PROBE)
    const credentials = this.credentialsOf(stream, options.name, token)
    const found = finder?.identify(credentials, address)
    if (found === undefined) return isLater ? undefined : this.missing(options)
    counts[found.status]++
    const isRecognized = found.status === 'known'
    const isClosed = !isRecognized && options.unknown === 'refuse'
    if (!isRecognized) this.report(found, isClosed)
    if (isClosed) {
      counts.refused++
      return null
    }
    if (found.client !== undefined && isRecognized)
      this.seen.set(found.client, (this.seen.get(found.client) ?? 0) + 1)
    return new ConnectionIdentity(this, credentials, address, found)
  }

  /** A client has presented nothing. @returns as `recognize` */
  missing({ missing }: RecognitionOptions): undefined | null {
    this.counts.missing++
    if (missing === 'address') return undefined
    this.counts.refused++
    return null
  }

  /** Called by an identity: what the rules say of it now. */
  find(credentials: ClientCredentials, address: Uint32Array): Identification | undefined {
    if (credentials === NO_CREDENTIALS) return PROBE
    const { certificate } = credentials
    if (certificate !== undefined && this.clock.wall() > certificate.notAfter) {
      const problem = 'it has expired'
      const expired = { ...certificate, issuer: undefined, problem }
      return this.finder?.identify({ ...credentials, certificate: expired }, address)
    }
    return this.finder?.identify(credentials, address)
  }

  onCut(found: Identification | undefined): void {
    this.counts.cut++
    if (found !== undefined) this.report(found, true)
  }

  private credentialsOf(
    stream: ClientHandshake,
    name: string | undefined,
    token: string | undefined
  ): ClientCredentials {
    return {
      certificate: this.authorities === '' ? undefined : this.certificateOf(stream),
      label: name === undefined ? undefined : labelOf(stream, name),
      token: token === undefined ? undefined : createHash('sha256').update(token).digest()
    }
  }

  private certificateOf(stream: ClientHandshake): CertificateFacts | undefined {
    const certificate = stream.peerCertificate()
    return certificate && this.certificates.read(certificate, this.clock.wall())
  }
}

/** The first label of the server name, if the rest is `name`. */
function labelOf({ servername }: ClientHandshake, name: string): string | undefined {
  const full = typeof servername === 'string' ? servername.toLowerCase() : ''
  if (!full.endsWith(`.${name}`)) return undefined
  const label = full.slice(0, -name.length - 1)
  return label.includes('.') ? undefined : label
}

/** Who the client of one connection is. */
export class ConnectionIdentity implements ClientIdentity {
  device: Uint8Array = new Uint8Array(0)
  clientId: string | undefined
  /** The identity is no longer valid: the connection has to be closed. */
  isLost = false
  /** When it was looked up last. */
  private wasGood = false
  private ownClass = 0
  private otherClass = 0
  private version: number

  constructor(
    private readonly recognizer: ClientRecognizer,
    private readonly credentials: ClientCredentials,
    private readonly address: Uint32Array,
    found: Identification
  ) {
    this.version = recognizer.version
    this.take(found)
  }

  get clientClass(): number {
    if (this.version !== this.recognizer.version) this.refresh()
    return this.ownClass
  }

  get addressClass(): number {
    if (this.version !== this.recognizer.version) this.refresh()
    return this.otherClass
  }

  /** The rules have its client. */
  get isKnown(): boolean {
    return this.wasGood
  }

  /** When its certificate expires; Infinity: never. Wall-clock time. */
  get expires(): Milliseconds {
    return this.credentials.certificate?.notAfter ?? Infinity
  }

  /** Looks it up in the rules in force. */
  refresh(): void {
    this.version = this.recognizer.version
    if (this.isLost) return
    const { wasGood } = this
    const found = this.recognizer.find(this.credentials, this.address)
    this.take(found)
    if (!wasGood || this.wasGood) return
    this.isLost = true
    this.recognizer.onCut(found)
  }

  private take(found: Identification | undefined): void {
    const { device, client } = found ?? {}
    this.clientId = client
    this.wasGood = found?.status === 'known'
    this.ownClass = found?.clientClass ?? 0
    this.otherClass = found?.addressClass ?? 0
    this.device = device !== undefined && this.wasGood ? textEncoder.encode(device) : NO_NAME
  }
}

const NO_NAME = new Uint8Array(0)
