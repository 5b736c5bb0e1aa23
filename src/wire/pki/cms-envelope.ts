import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { ChunkReader } from '../../base/bytes/chunk-reader.js'
import type { Octets } from '../../base/units.js'

import { contentKeyOf, recipientInfo, type EnvelopeKey } from './cms-recipients.js'
import { derInteger, derOid, derSequence, derValue } from './der-values.js'
import { DerError, DerReader, TAG } from './der.js'

/*
 * Files encrypted in CMS, as AuthEnvelopedData (RFC 5083) with AES-256-GCM (RFC 5084), which `openssl cms -decrypt`
 * opens. They are written and read piece by piece: of the forms that BER permits, only the one that is written here
 * is read.
 */

const AUTH_ENVELOPED_DATA = '1.2.840.113549.1.9.16.1.23'
const DATA = '1.2.840.113549.1.7.1'
const AES_256_GCM = '2.16.840.1.101.3.4.1.46'
const SET = 0x31
const CONTEXT_0 = 0xa0
/** An indefinite length, and the end of such a value: X.690 §8.1.3.6, §8.1.5. */
const INDEFINITE = 0x80
const END = Buffer.of(0, 0)
const NONCE_SIZE: Octets = 12
const MAC_SIZE: Octets = 16
const CHUNK: Octets = 64 * 1024
/** What GCM may encrypt under one nonce, less a margin. */
const MAX_CONTENT: Octets = 68_000_000_000
/** Of all recipients. */
const MAX_HEADER: Octets = 16 * 1024
/** The first octets of an encrypted file. */
export const ENVELOPE_START = Buffer.of(TAG.sequence, INDEFINITE)

const CONTENT_TYPE = derOid(AUTH_ENVELOPED_DATA)
const OPEN_ENVELOPE = Buffer.concat([
  ...[ENVELOPE_START, CONTENT_TYPE, Buffer.of(CONTEXT_0, INDEFINITE)],
  ...[ENVELOPE_START, derInteger(0)]
])
const OPEN_CONTENT = Buffer.concat([ENVELOPE_START, derOid(DATA)])

/** The passphrase is wrong, or the file was encrypted to others. */
export class WrongKey extends Error {}

/** Encrypts a stream. @throws Error if it is longer than AES-GCM may encrypt at once */
export async function* encryptEnvelope(
  content: AsyncIterable<Buffer>,
  to: EnvelopeKey
): AsyncGenerator<Buffer> {
  const key = randomBytes(32)
  const nonce = randomBytes(NONCE_SIZE)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  yield Buffer.concat([OPEN_ENVELOPE, derValue(SET, recipientInfo(key, to)), OPEN_CONTENT])
  yield derSequence(
    derOid(AES_256_GCM),
    derSequence(derValue(TAG.octetString, nonce), derInteger(MAC_SIZE))
  )
  yield Buffer.of(CONTEXT_0, INDEFINITE)
  let size = 0
  for await (const octets of content) {
    size += octets.length
    if (size > MAX_CONTENT) throw new Error('more than 64 GB cannot be encrypted at once')
    for (let at = 0; at < octets.length; at += CHUNK)
      yield derValue(TAG.octetString, cipher.update(octets.subarray(at, at + CHUNK)))
  }
  cipher.final()
  const mac = derValue(TAG.octetString, cipher.getAuthTag())
  yield Buffer.concat([END, END, mac, END, END, END])
}

/**
 * Decrypts a stream. What it yields is authentic only once it has ended without an error.
 *
 * @throws WrongKey, TruncatedStream, DerError for a file that is damaged or in another form
 */
export async function* decryptEnvelope(
  encrypted: AsyncIterable<Buffer>,
  own: EnvelopeKey
): AsyncGenerator<Buffer> {
  const input = new ChunkReader(encrypted)
  try {
    yield* decrypt(input, own)
  } finally {
    await input.close()
  }
}

async function* decrypt(input: ChunkReader, own: EnvelopeKey): AsyncGenerator<Buffer> {
  await expect(input, OPEN_ENVELOPE)
  const key = contentKeyOf(await readValue(input, SET, MAX_HEADER), own)
  if (key === undefined) throw new WrongKey()
  await expect(input, OPEN_CONTENT)
  const algorithm = new DerReader(await readValue(input, TAG.sequence, MAX_HEADER))
  if (!derValue(TAG.oid, algorithm.read(TAG.oid)).equals(derOid(AES_256_GCM)))
    throw new DerError('it is not encrypted by AES-256-GCM')
  const nonce = algorithm.enter().read(TAG.octetString)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: MAC_SIZE })
  await expect(input, Buffer.of(CONTEXT_0, INDEFINITE))
  while ((await input.peek()) === TAG.octetString)
    yield decipher.update(await readValue(input, TAG.octetString, CHUNK))
  await expect(input, Buffer.concat([END, END]))
  decipher.setAuthTag(await readValue(input, TAG.octetString, MAC_SIZE))
  try {
    decipher.final()
  } catch {
    throw new DerError('its authentication code does not match')
  }
  await expect(input, Buffer.concat([END, END, END]))
  if ((await input.peek()) !== undefined) throw new DerError('data follows its end')
}

async function expect(input: ChunkReader, octets: Buffer): Promise<void> {
  if (!(await input.read(octets.length)).equals(octets))
    throw new DerError('it is not in the form that Interdict writes')
}

/** The content of the value that comes next. */
async function readValue(input: ChunkReader, tag: number, most: Octets): Promise<Buffer> {
  const [found, first] = (await input.read(2)) as unknown as [number, number]
  let length = first
  if (first > 0x80) {
    length = 0
    for (const octet of await input.read(Math.min(4, first & 0x7f))) length = 256 * length + octet
  }
  if (found !== tag || first === INDEFINITE || length > most)
    throw new DerError(`unexpected value with tag ${found} and ${length} bytes`)
  return input.read(length)
}
