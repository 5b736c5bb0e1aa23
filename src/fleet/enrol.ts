import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { createUser } from '@nats-io/nkeys'
import { writeFileAtomic } from '../base/atomic-file.js'
import { failure, InterdictError } from '../base/error.js'
import type { Milliseconds } from '../base/units.js'
import type { EnrolToken } from './enrol-token.js'
import { natsTls, type NatsTls } from './nats-tls.js'
import { ENROL_SUBJECT, enrolReplySchema, inboxOf, readMessage } from './wire.js'

const TIMEOUT: Milliseconds = 10_000
const MAX_REPLY = 64 * 1024

/**
 * Gets credentials for a token: makes a key, whose seed never leaves this machine, and asks the hub for its JWT.
 *
 * @param path file to write
 * @throws InterdictError FLEET_CONNECT, FLEET_TOKEN, FLEET_CREDENTIALS
 */
export async function enrol(token: EnrolToken, path: string, tls: Omit<NatsTls, 'servers'>) {
  const user = createUser()
  const key = user.getPublicKey()
  const jwt = await requestJwt(token, key, tls)
  const seed = Buffer.from(user.getSeed()).toString()
  try {
    writeFileAtomic(path, credentialsText(jwt, seed), { mode: 0o600, folderMode: 0o700 })
  } catch (error) {
    throw failure('FLEET_CREDENTIALS', path, (error as Error).message)
  }
}

async function requestJwt(
  token: EnrolToken,
  key: string,
  tls: Omit<NatsTls, 'servers'>
): Promise<string> {
  const servers = [...token.nats]
  try {
    const connection = await connect({
      servers,
      authenticator: credsAuthenticator(Buffer.from(token.creds)),
      inboxPrefix: inboxOf(token.id),
      tls: natsTls({ ...tls, servers }),
      timeout: TIMEOUT,
      reconnect: false
    })
    try {
      const body = JSON.stringify({ secret: token.secret, key })
      const { data } = await connection.request(ENROL_SUBJECT, body, { timeout: TIMEOUT })
      const reply = readMessage(data, enrolReplySchema, MAX_REPLY)
      if (reply === undefined) throw failure('FLEET_TOKEN', 'the hub sent an invalid reply')
      if ('error' in reply) throw failure('FLEET_TOKEN', reply.error)
      return reply.jwt
    } finally {
      await connection.close()
    }
  } catch (error) {
    if (error instanceof InterdictError) throw error
    throw failure('FLEET_CONNECT', servers.join(', '), (error as Error).message)
  }
}

/** As NATS tools write it. */
function credentialsText(jwt: string, seed: string): string {
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`
}
