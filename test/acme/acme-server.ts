import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { makeCertificate } from '../tls/certificates.js'

/** SubjectPublicKeyInfo of a P-256 key, without the point. RFC 5480 §2. */
const P256 = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex')
const SPKI_SIZE = 91

/** How the server deviates from success. */
export interface Faults {
  /** Answers a path with this error. */
  problem?: { readonly path: string; readonly status: number; readonly detail: string }
  /** Issues a certificate for another key. */
  isForeign?: boolean
  /** Refuses orders that replace a certificate. */
  refusesReplacing?: boolean
  /** Closes the connection at this path. */
  closeAt?: string
  /** Offers these challenges. */
  types?: readonly string[]
  hasTerms?: boolean
  /** What it says of a certificate; undefined: it gives no renewal information. */
  window?: { readonly start: string; readonly end: string }
  /** Names that it need not verify again. */
  isAuthorized?: boolean
}

interface Payload {
  readonly replaces?: string
  readonly identifiers?: readonly { readonly type: string; readonly value: string }[]
  readonly csr?: string
}

/** With status 0, the connection is closed. */
interface Answer {
  readonly status: number
  readonly body: object | string
  readonly location?: string
}

/** An ACME server in this process (RFC 8555), which checks no signatures. */
export class AcmeServer {
  faults: Faults = {}
  /** The port at which it looks for http-01, of 127.0.0.1. */
  httpPort = 0
  readonly ca = makeCertificate({ names: ['127.0.0.1', 'acme.example'] })
  /** In URLs. */
  host = '127.0.0.1'
  /** Payloads by path. */
  readonly received = new Map<string, Payload>()
  /** Of each order. */
  readonly replaced: (string | undefined)[] = []
  /** Ids of certificates for which renewal information was requested. */
  readonly asked: string[] = []
  private port = 0
  private identifiers: NonNullable<Payload['identifiers']> = []
  private certificate = ''
  private readonly states = new Map<string, string>()

  static async start(t: Test): Promise<AcmeServer> {
    const own = new AcmeServer()
    const { certificate: cert, key } = own.ca
    const server = createServer({ cert, key }, (message, response) => {
      void own.answer(message).then(({ status, body, location }) => {
        if (status === 0) {
          message.socket.destroy()
          return
        }
        const headers = { 'replay-nonce': 'n', ...(location && { location }) }
        const type =
          typeof body === 'string' ? 'application/pem-certificate-chain' : 'application/json'
        response.writeHead(status, { ...headers, 'content-type': type })
        response.end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => server.closeAllConnections())
    t.teardown(() => server.close())
    own.port = (server.address() as AddressInfo).port
    return own
  }

  get directory(): string {
    return this.url('/dir')
  }

  private url(path: string): string {
    return `https://${this.host}:${this.port}${path}`
  }

  private async answer(message: IncomingMessage): Promise<Answer> {
    const path = message.url!
    const chunks: Buffer[] = []
    for await (const chunk of message) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const encoded = text === '' ? '' : (JSON.parse(text) as { payload: string }).payload
    const json = Buffer.from(encoded, 'base64url').toString()
    const payload = (json === '' ? {} : JSON.parse(json)) as Payload
    if (json !== '') this.received.set(path, payload)
    const { problem, closeAt } = this.faults
    if (closeAt === path) return { status: 0, body: {} }
    if (problem?.path === path) {
      const { status, detail } = problem
      return { status, body: { type: 'urn:ietf:params:acme:error:rateLimited', detail } }
    }
    return this.dispatch(path, payload, json !== '')
  }

  private async dispatch(path: string, payload: Payload, hasPayload: boolean): Promise<Answer> {
    const { faults } = this
    const [, name = '', id = ''] = path.split('/')
    switch (name) {
      case 'dir': {
        const [newNonce, newAccount, newOrder] = ['/nonce', '/account', '/order'].map(p =>
          this.url(p)
        )
        const meta =
          faults.hasTerms === true ? { termsOfService: 'https://acme.example/terms' } : {}
        const renewalInfo = faults.window && { renewalInfo: this.url('/renewal') }
        return { status: 200, body: { newNonce, newAccount, newOrder, ...renewalInfo, meta } }
      }
      case 'renewal':
        this.asked.push(id)
        return { status: 200, body: { suggestedWindow: faults.window } }
      case 'nonce':
        return { status: 200, body: '' }
      case 'account':
        return { status: 201, body: { status: 'valid' }, location: this.url('/account/1') }
      case 'order':
        if (id === '') {
          this.identifiers = payload.identifiers!
          this.replaced.push(payload.replaces)
          if (faults.refusesReplacing === true && payload.replaces !== undefined)
            return { status: 409, body: { detail: 'already replaced' } }
        }
        return { status: 201, body: this.order(), location: this.url('/order/1') }
      case 'authorization':
        return { status: 200, body: this.authorization(Number(id)) }
      case 'challenge':
        if (hasPayload) this.states.set(id, await this.verify(id))
        return { status: 200, body: this.challenge(id, 'http-01') }
      case 'finalize':
        this.issue(payload.csr!)
        return { status: 200, body: this.order() }
      default:
        return { status: 200, body: this.certificate }
    }
  }

  private order(): object {
    const status = this.certificate === '' ? 'pending' : 'valid'
    const authorizations = this.identifiers.map((_, i) => this.url(`/authorization/${i}`))
    const [finalize, certificate] = [this.url('/finalize'), this.url('/certificate')]
    return { status, identifiers: this.identifiers, authorizations, finalize, certificate }
  }

  private authorization(i: number): object {
    const { types = ['dns-01', 'http-01'], isAuthorized = false } = this.faults
    const challenges = types.map(type => this.challenge(String(i), type))
    const status = isAuthorized ? 'valid' : 'pending'
    return { status, identifier: this.identifiers[i], challenges }
  }

  private challenge(id: string, type: string): object {
    const status = this.states.get(id) ?? 'pending'
    const error = status === 'invalid' ? { error: { detail: 'wrong proof' } } : {}
    return { type, status, url: this.url(`/challenge/${id}`), token: `token${id}`, ...error }
  }

  /** Looks for the proof of http-01, if there is a port. */
  private async verify(id: string): Promise<string> {
    if (this.httpPort === 0) return 'valid'
    const path = `/.well-known/acme-challenge/token${id}`
    const asked = request({ host: '127.0.0.1', port: this.httpPort, path }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return text.startsWith(`token${id}.`) ? 'valid' : 'invalid'
  }

  private issue(csr: string): void {
    const der = Buffer.from(csr, 'base64url')
    const at = der.indexOf(P256)
    const publicKey = der.subarray(at, at + SPKI_SIZE)
    const names = this.identifiers.map(({ value }) => value)
    const key = this.faults.isForeign === true ? {} : { publicKey }
    this.certificate = makeCertificate({ names, issuer: this.ca, ...key }).certificate
  }
}
