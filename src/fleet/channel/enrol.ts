import { lookup } from 'node:dns'
import { connect } from '@nats-io/transport-node'
import { createUser } from '@nats-io/nkeys'
import { writeFileAtomic } from '../../base/files/atomic-file.js'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import type { HttpProxy } from '../../wire/http/http-proxy.js'
import { download } from '../../sources/http/download.js'
import { authenticatorOf, parseCredentials } from './credentials.js'
import type { EnrolToken } from './enrol-token.js'
import { natsTls, type NatsTls } from './nats-tls.js'
import { ENROL_SUBJECT, enrolReplySchema, inboxOf, readMessage } from './wire.js'

const TIMEOUT: Milliseconds = 10_000
const MAX_REPLY = 64 * 1024
/** Under `public-url` of the hub. */
const ENROL_PATH = '/v1/enrol'

/**
 * Gets credentials for a token: makes a key, whose seed never leaves this machine, and asks the hub for its JWT.
 *
 * @param path file to write
 * @param proxy for HTTPS
 * @returns the root of trust of the fleet, as in a file; undefined: it has none
 * @throws InterdictError FLEET_CONNECT, FLEET_TOKEN, FLEET_CREDENTIALS
 */
export async function enrol(
  token: EnrolToken,
  path: string,
  tls: Omit<NatsTls, 'servers'>,
  proxy?: HttpProxy
): Promise<string | undefined> {
  const user = createUser()
  const key = user.getPublicKey()
  const { jwt, root } = await requestJwt(token, key, tls, proxy)
  const seed = Buffer.from(user.getSeed()).toString()
  try {
    writeFileAtomic(path, credentialsText(jwt, seed), { mode: 0o600, folderMode: 0o700 })
  } catch (error) {
    throw failure('FLEET_CREDENTIALS', path, reasonOf(error))
  }
  return root
}

/** Over NATS, or by HTTPS from a site that does not reach it. */
async function requestJwt(
  token: EnrolToken,
  key: string,
  tls: Omit<NatsTls, 'servers'>,
  proxy: HttpProxy | undefined
): Promise<{ readonly jwt: string; readonly root?: string | undefined }> {
  const body = JSON.stringify({ secret: token.secret, key })
  const { hub } = token
  const octets = await askNats(token, body, tls).catch((error: unknown) => {
    if (hub === null) throw error
    return askHub(hub, body, tls.caFile, proxy)
  })
  const reply = readMessage(octets, enrolReplySchema, MAX_REPLY)
  if (reply === undefined) throw failure('FLEET_TOKEN', 'the hub sent an invalid reply')
  if ('error' in reply) throw failure('FLEET_TOKEN', reply.error)
  return reply
}

async function askHub(
  hub: string,
  body: string,
  caFile: string | undefined,
  proxy: HttpProxy | undefined
): Promise<Uint8Array> {
  const url = `${hub}${ENROL_PATH}`
  try {
    const ca =
      caFile === undefined ? undefined : (await readBoundedFile(caFile, MAX_SECRET_FILE)).toString()
    const options = { lookup, ca, proxy, timeout: TIMEOUT, maxSize: MAX_REPLY }
    const reply = await download(url, { ...options, body: Buffer.from(body) })
    return reply.kind === 'file' ? reply.octets : new Uint8Array()
  } catch (error) {
    throw failure('FLEET_CONNECT', url, reasonOf(error, url))
  }
}

async function askNats(
  token: EnrolToken,
  body: string,
  tls: Omit<NatsTls, 'servers'>
): Promise<Uint8Array> {
  const servers = [...token.nats]
  const credentials = parseCredentials(Buffer.from(token.creds))
  if (credentials === undefined) throw failure('FLEET_TOKEN', 'its credentials are damaged')
  try {
    const connection = await connect({
      servers,
      authenticator: authenticatorOf(credentials),
      inboxPrefix: inboxOf(token.id),
      tls: natsTls({ ...tls, servers }),
      timeout: TIMEOUT,
      reconnect: false
    })
    try {
      return (await connection.request(ENROL_SUBJECT, body, { timeout: TIMEOUT })).data
    } finally {
      await connection.close()
    }
  } catch (error) {
    const all = servers.join(', ')
    throw failure('FLEET_CONNECT', all, reasonOf(error, all))
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
