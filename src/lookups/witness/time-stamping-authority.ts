import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import type { Milliseconds, Octets } from '../../base/units.js'
import {
  nonceText,
  readCertificates,
  timeStampRequest,
  verifyTimeStamp
} from '../../wire/pki/time-stamp.js'
import { HttpClient } from '../../wire/http/http-client.js'
import { contextTrusting } from '../../wire/tls/trusting-context.js'
import type { TimeStampingConfig } from '../settings/query-log-config.js'
import type { WitnessChannel } from './chain-witness.js'

const TIMEOUT: Milliseconds = 20_000
/** A token with its certificates has some 5 KB. */
const MAX_RESPONSE: Octets = 64 * 1024

/** A time-stamping authority (RFC 3161) that stamps the SHA-256 of checkpoints, over HTTP: §3.4. */
export function timeStampingChannel(config: TimeStampingConfig): WitnessChannel {
  const { url, caFile } = config
  return {
    by: 'tsa',
    to: url,
    submit: async ({ sha256 }) => {
      const nonce = randomBytes(16)
      // Read each time, so that renewed certificates are used.
      const pem = readBoundedFileSync(caFile, MAX_SECRET_FILE).toString()
      const response = await post(config, timeStampRequest(sha256, nonce), pem)
      const stamp = verifyTimeStamp(response, readCertificates(pem))
      if (stamp.sha256 !== sha256) throw new Error('the time stamp is of another digest')
      if (stamp.nonce !== nonceText(nonce)) throw new Error('the time stamp is of another request')
      return { by: 'tsa', response: response.toString('base64') }
    }
  }
}

/** Rejects with an error that says what is wrong. */
async function post({ url, proxy }: TimeStampingConfig, body: Buffer, ca: string): Promise<Buffer> {
  const signal = AbortSignal.timeout(TIMEOUT)
  const headers = {
    'content-type': 'application/timestamp-query',
    accept: 'application/timestamp-reply',
    'content-length': body.length
  }
  const trust = url.startsWith('https:') ? { secureContext: contextTrusting(ca) } : {}
  try {
    const { outgoing, response } = new HttpClient(proxy).start(url, {
      ...{ method: 'POST', headers, signal },
      ...trust
    })
    outgoing.end(body)
    return await readResponse(await response)
  } catch (error) {
    throw signal.aborted ? new Error(`no response within ${TIMEOUT / 1000} s`) : error
  }
}

async function readResponse(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length: Octets = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_RESPONSE) throw new Error(`the response exceeds ${MAX_RESPONSE} bytes`)
    chunks.push(chunk)
  }
  if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`)
  return Buffer.concat(chunks)
}
