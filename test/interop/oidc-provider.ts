import type { Server } from 'node:http'
import type { Test } from 'tap'
import type { Scope } from '../../src/admin/tokens/scopes.js'
import { freePort } from '../udp/free-port.js'

const SECRET = 'a secret of the client, with / and +'
/** Groups of the people who can log in; any password will do. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  alice: ['staff', 'dns-viewer'],
  carol: ['dns-viewer', 'dns-operator'],
  bob: ['staff']
}

interface Provider {
  listen(port: number, address: string, callback: () => void): Server
  on(event: string, listener: (...details: never[]) => void): void
}

/** A real OpenID Connect provider, oidc-provider, on loopback, for a gateway at an origin. */
export async function startProvider(t: Test, origin: string) {
  // It has no types.
  const name = 'oidc-provider'
  const module = (await import(name)) as {
    default: new (issuer: string, options: object) => Provider
  }
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const provider = new module.default(issuer, {
    clients: [
      {
        client_id: 'interdict',
        client_secret: SECRET,
        redirect_uris: [`${origin}/api/v1/login/callback`],
        post_logout_redirect_uris: []
      }
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: GROUPS[id] })
    })
  })
  let challenge: unknown
  provider.on('authorization.success', (context: { oidc: { params: object } }) => {
    challenge = context.oidc.params
  })
  const server = await new Promise<Server>(resolve => {
    const server = provider.listen(port, '127.0.0.1', () => resolve(server))
  })
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  return {
    issuer,
    close,
    /** Of the client, for the file `secret` with mode 0600. */
    secret: SECRET,
    /** Parameters of the last login. */
    challenge: (): unknown => challenge,
    /** The lines below `admin:` in the settings. */
    settings: (roles: Readonly<Partial<Record<Scope, readonly string[]>>>): string => `
  oidc:
    issuer: '${issuer}'
    client-id: interdict
    client-secret-file: secret
    base-url: '${origin}'
    scopes: [profile, groups]
    roles: ${JSON.stringify(roles)}
`
  }
}
