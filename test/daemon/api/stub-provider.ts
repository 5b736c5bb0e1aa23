import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { OidcConfig } from '../../../src/gateway/config/oidc-config.js'

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const CLIENT_ID = 'interdict'
export const SECRET = 'secret of the client'

type Json = Readonly<Record<string, unknown>>
type Respond = (request: IncomingMessage, response: ServerResponse) => void

/** An OpenID Connect provider whose faults are chosen, with ID tokens that it signs itself (ES256). */
export class StubProvider {
  private readonly key = newKey()
  private readonly stranger = newKey()
  private readonly server = createServer((request, response) => {
    this.requests.push(request.url!)
    this.respond(request, response)
  })
  private readonly codes = new Map<string, URLSearchParams>()
  readonly requests: string[] = []
  /** All codes and tokens that were given out. */
  readonly secrets: string[] = []
  issuer = ''
  /** Changes metadata, and claims and header of ID tokens. */
  metadata: Json = {}
  claims: Json = {}
  header: Json = {}
  userinfo: Json = {}
  isForged = false
  /** Whether a code may be used again, which a good provider refuses. */
  isLax = false
  /** How clients authenticated. */
  authentications: string[] = []
  respond: Respond = (request, response) => this.serve(request, response)
  readonly serve: Respond = (request, response) => {
    const pages: Readonly<Record<string, () => Json>> = {
      '/.well-known/openid-configuration': () => this.document(),
      '/jwks': () => ({ keys: [jwkOf(this.key.publicKey)] }),
      '/userinfo': () => ({ sub: 'id-1', ...this.userinfo })
    }
    const page = pages[request.url!]
    if (page !== undefined) send(response, page())
    else void this.token(request, response)
  }

  static async start(t: Test): Promise<StubProvider> {
    const stub = new StubProvider()
    await new Promise<void>(resolve => stub.server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      stub.server.close()
      stub.server.closeAllConnections()
    })
    stub.issuer = `http://127.0.0.1:${(stub.server.address() as AddressInfo).port}`
    return stub
  }

  /** The person agrees. @returns the query of the redirect back */
  authorize(location: string): URLSearchParams {
    const asked = new URL(location).searchParams
    const code = randomUUID()
    this.secrets.push(code, asked.get('state')!, asked.get('nonce')!)
    this.codes.set(code, asked)
    return new URLSearchParams({ code, state: asked.get('state')! })
  }

  config(more: Partial<OidcConfig> = {}): OidcConfig {
    return {
      issuer: this.issuer,
      clientId: CLIENT_ID,
      clientSecretFile: undefined,
      caFile: undefined,
      origin: 'http://127.0.0.1:8053',
      requestedScopes: ['profile'],
      nameClaim: 'preferred_username',
      rolesClaim: 'realm_access.roles',
      roles: { read: ['viewer', 'admin'], operate: ['admin'], policy: [] },
      session: 8 * 3_600_000,
      idle: 3_600_000,
      timeout: 10_000,
      position: { file: 'interdict.yaml', line: 2, column: 3 },
      ...more
    }
  }

  private document(): Json {
    return {
      issuer: this.issuer,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/jwks`,
      end_session_endpoint: `${this.issuer}/logout`,
      id_token_signing_alg_values_supported: ['ES256'],
      ...this.metadata
    }
  }

  private async token(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const form = new URLSearchParams(text)
    const { authorization } = request.headers
    this.authentications.push(authorization ?? form.get('client_secret') ?? 'none')
    const asked = this.codes.get(form.get('code')!)
    if (!this.isLax) this.codes.delete(form.get('code')!)
    const challenge = createHash('sha256').update(form.get('code_verifier')!).digest('base64url')
    const isRight =
      asked?.get('redirect_uri') === form.get('redirect_uri') &&
      asked.get('code_challenge_method') === 'S256' &&
      asked.get('code_challenge') === challenge
    if (!isRight) {
      send(response, { error: 'invalid_grant' }, 400)
      return
    }
    const now = Math.floor(Date.now() / 1000)
    const id = this.sign({
      iss: this.issuer,
      aud: CLIENT_ID,
      sub: 'id-1',
      iat: now,
      exp: now + 60,
      nonce: asked.get('nonce'),
      preferred_username: 'alice',
      realm_access: { roles: ['viewer', 'other'] },
      ...this.claims
    })
    const access = randomUUID()
    this.secrets.push(id, access)
    send(response, { access_token: access, token_type: 'Bearer', id_token: id })
  }

  private sign(claims: Json): string {
    const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const text = `${encode({ alg: 'ES256', kid: 'one', ...this.header })}.${encode(claims)}`
    const { privateKey: key } = this.isForged ? this.stranger : this.key
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }
}

function jwkOf(key: KeyObject): Json {
  return { ...key.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }
}

function send(response: ServerResponse, body: Json, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
