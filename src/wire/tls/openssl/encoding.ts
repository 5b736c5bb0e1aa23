import { X509Certificate } from 'node:crypto'
import type { Octets } from '../../../base/units.js'
import { COMMAND } from './constants.js'
import { OpenSslError, type OpenSsl } from './openssl.js'

/** PEM and DER, for OpenSSL's own objects: pointers to them are numbers. */

/** Makes it the context's certificate. @param chain PEM, the own certificate first @param key PEM */
export function useCertificate(
  openSsl: OpenSsl,
  context: number,
  chain: string,
  key: string
): void {
  let count = 0
  useCertificates(openSsl, chain, certificate => {
    if (count++ === 0) openSsl.useCertificate(context, certificate)
    else openSsl.controlContext(context, COMMAND.addChain, 1, certificate)
  })
  if (count === 0) throw new OpenSslError('no certificate in PEM')
  withBio(openSsl, key, bio => {
    const read = openSsl.readKey(bio, 0, 0, 0)
    try {
      openSsl.useKey(context, read)
    } finally {
      openSsl.freeKey(read)
    }
  })
}

/** Calls `use` with each certificate in PEM, which is freed afterwards if nothing refers to it. */
export function useCertificates(
  openSsl: OpenSsl,
  pem: string,
  use: (certificate: number) => void
): void {
  withBio(openSsl, pem, bio => {
    for (let one; (one = openSsl.readCertificate(bio, 0, 0, 0)) !== 0;) {
      try {
        use(one)
      } finally {
        openSsl.freeCertificate(one)
      }
    }
  })
}

function withBio(openSsl: OpenSsl, text: string, use: (bio: number) => void): void {
  const bio = openSsl.newBio(openSsl.memory())
  const octets = Buffer.from(text, 'latin1')
  try {
    // OpenSSL calls it a failure to write nothing.
    if (octets.length > 0) openSsl.writeBio(bio, octets, octets.length)
    use(bio)
  } finally {
    openSsl.freeBio(bio)
  }
}

/** A copy of memory of OpenSSL. */
export function copyFrom(openSsl: OpenSsl, address: number, size: Octets): Buffer {
  const octets = Buffer.alloc(size)
  if (size === 0) return octets
  const bio = openSsl.newBio(openSsl.memory())
  openSsl.writeBioFrom(bio, address, size)
  openSsl.readBio(bio, octets, size)
  openSsl.freeBio(bio)
  return octets
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
