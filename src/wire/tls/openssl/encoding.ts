import { X509Certificate } from 'node:crypto'
import { COMMAND } from './constants.js'
import type { OpenSsl } from './openssl.js'

/** PEM and DER, for OpenSSL's own objects: pointers to them are numbers. */

/** Makes it the context's certificate. @param chain PEM, the own certificate first @param key PEM */
export function useCertificate(
  openSsl: OpenSsl,
  context: number,
  chain: string,
  key: string
): void {
  const [own, ...issuers] = readCertificates(openSsl, chain)
  let isUsed = openSsl.useCertificate(context, own!) === 1
  openSsl.freeCertificate(own!)
  for (const issuer of issuers) {
    // It is the context's from now on.
    openSsl.controlContext(context, COMMAND.chainCertificate, 0, issuer)
  }
  withBio(openSsl, key, bio => {
    const read = openSsl.readKey(bio, 0, 0, 0)
    isUsed &&= openSsl.useKey(context, read) === 1
    openSsl.freeKey(read)
  })
  openSsl.clearErrors()
  if (!isUsed) throw new Error('OpenSSL does not take the certificate')
}

/** The certificates in PEM, which the caller frees. */
export function readCertificates(openSsl: OpenSsl, pem: string): number[] {
  const certificates: number[] = []
  withBio(openSsl, pem, bio => {
    for (;;) {
      const certificate = openSsl.readCertificate(bio, 0, 0, 0)
      if (certificate === 0) break
      certificates.push(certificate)
    }
  })
  openSsl.clearErrors()
  return certificates
}

function withBio(openSsl: OpenSsl, text: string, use: (bio: number) => void): void {
  const bio = openSsl.newBio(openSsl.memory())
  const octets = Buffer.from(text, 'latin1')
  openSsl.writeBio(bio, octets, octets.length)
  use(bio)
  openSsl.freeBio(bio)
}

/** A certificate of OpenSSL as Node has it. */
export function certificateOf(openSsl: OpenSsl, certificate: number): X509Certificate {
  return new X509Certificate(encode(openSsl, openSsl.encodeCertificate, certificate))
}

/** @param write function of OpenSSL that returns the length, and moves the pointer that it is given */
export function encode(
  openSsl: OpenSsl,
  write: (object: number, out: Buffer | null) => number,
  object: number
): Buffer {
  const der = Buffer.alloc(write(object, null))
  write(object, pointerTo(openSsl, der))
  return der
}

/** Memory that holds the address of `octets`, which must stay reachable. */
export function pointerTo({ system }: OpenSsl, octets: Buffer): Buffer {
  const pointer = Buffer.alloc(8)
  pointer.writeBigUInt64LE(BigInt(system.addressOf(octets)))
  return pointer
}
