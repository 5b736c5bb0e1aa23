import { sign, verify, type KeyObject } from 'node:crypto'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../base/bounded-file.js'
import { failure } from '../base/error.js'
import { userSeed } from './nkey.js'
import { signedOctets, type Report } from './wire.js'

/** The file in which NATS tools keep the JWT of a user and the seed of its key. */
export interface Credentials {
  readonly octets: Uint8Array
  readonly key: KeyObject
}

const SEED_LINE = /^-+BEGIN USER NKEY SEED-+\s+(\S+)\s+-+END USER NKEY SEED-+/m

/** @throws InterdictError FLEET_CREDENTIALS */
export function readCredentials(path: string): Credentials {
  let octets: Uint8Array
  try {
    octets = readBoundedFileSync(path, MAX_SECRET_FILE)
  } catch (error) {
    throw failure('FLEET_CREDENTIALS', path, (error as Error).message)
  }
  const text = Buffer.from(octets).toString()
  const key = userSeed(SEED_LINE.exec(text)?.[1] ?? '')
  if (key === undefined || !/^-+BEGIN NATS USER JWT-+$/m.test(text))
    throw failure('FLEET_CREDENTIALS', path, 'expected a JWT and the seed of a user')
  return { octets, key }
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
