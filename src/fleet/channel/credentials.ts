import { sign, verify, type KeyObject } from 'node:crypto'
import type { Authenticator } from '@nats-io/transport-node'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failure } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { userSeed } from './nkey.js'
import { signedOctets, type Report } from './wire.js'

/** The file in which NATS tools keep the JWT of a user and the seed of its key. */
export interface Credentials {
  readonly jwt: string
  readonly key: KeyObject
}

const JWT_LINE = /^-+BEGIN NATS USER JWT-+\s+(\S+)\s+-+END NATS USER JWT-+/m
const SEED_LINE = /^-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+/m

/** @throws InterdictError FLEET_CREDENTIALS */
export function readCredentials(path: string): Credentials {
  let octets: Uint8Array
  try {
    octets = readBoundedFileSync(path, MAX_SECRET_FILE)
  } catch (error) {
    throw failure('FLEET_CREDENTIALS', path, reasonOf(error))
  }
  const credentials = parseCredentials(octets)
  if (credentials === undefined)
    throw failure('FLEET_CREDENTIALS', path, 'expected a JWT and the seed of a user')
  return credentials
}

/** @returns undefined: the text is something else */
export function parseCredentials(octets: Uint8Array): Credentials | undefined {
  const text = Buffer.from(octets).toString()
  const jwt = JWT_LINE.exec(text)?.[1]
  const key = userSeed(SEED_LINE.exec(text)?.[1] ?? '')
  return jwt === undefined || key === undefined ? undefined : { jwt, key }
}

/** Signs the nonce of a server with OpenSSL: that of the client of NATS takes 8 ms and 57 kB of JavaScript. */
export function authenticatorOf({ jwt, key }: Credentials): Authenticator {
  return nonce => {
    const signature = sign(null, Buffer.from(nonce ?? ''), key)
    return { jwt, nkey: '', sig: signature.toString('base64url') }
  }
}

/** A report as it is sent. */
export function signReport(report: Report, key: KeyObject): Uint8Array {
  const text = JSON.stringify(report)
  const signature = sign(null, signedOctets(text), key).toString('base64')
  return Buffer.from(JSON.stringify({ report: text, signature }))
}

export function isSignedBy(
  { report, signature }: { readonly report: string; readonly signature: string },
  key: KeyObject
): boolean {
  return verify(null, signedOctets(report), key, Buffer.from(signature, 'base64'))
}
