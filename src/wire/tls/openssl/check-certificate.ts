import { generateKeyPairSync, sign } from 'node:crypto'
import { TAG } from '../../pki/der.js'
import { derInteger, derOid, derSequence, derValue } from '../../pki/der-values.js'

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
/** Tags of RFC 5280 that are only written here. */
const UTF8_STRING = 0x0c
const SET = 0x31
/** UTCTime: from 2000 to 2049, whatever clock the machine has when it starts. */
const VALID = ['000101000000Z', '491231235959Z']

/** A self-signed certificate with a key that nobody keeps, both in PEM. */
export function makeCheckCertificate(name: string): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const common = derSequence(derOid(COMMON_NAME), derValue(UTF8_STRING, Buffer.from(name)))
  const issuer = derSequence(derValue(SET, common))
  const algorithm = derSequence(derOid(ECDSA_WITH_SHA256))
  const validity = VALID.map(time => derValue(TAG.utcTime, Buffer.from(time)))
  const body = derSequence(
    ...[derInteger(1), algorithm, issuer, derSequence(...validity), issuer],
    publicKey.export({ type: 'spki', format: 'der' })
  )
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)])
  const der = derSequence(body, algorithm, derValue(TAG.bitString, signature))
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }
}
