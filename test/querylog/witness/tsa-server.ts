import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { DerReader, TAG } from '../../../src/wire/pki/der.js'
import { makeAuthority, makeTimeStamp, type StampTerms } from '../../pki/time-stamps.js'

/** A time-stamping authority over HTTP on the loopback address, with a key of its own. */
export async function startAuthority(t: Test) {
  const authority = makeAuthority()
  const rig = {
    ca: authority.ca,
    url: '',
    requests: 0,
    /** Changes the next stamps. */
    terms: {} as StampTerms & { readonly httpStatus?: number; readonly sha256?: string },
    /** A stamp of a time, as if made by this authority then. */
    stamp: (sha256: string, time: Date): Buffer => makeTimeStamp(authority, sha256, { time })
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      rig.requests++
      const { sha256, nonce } = readRequest(Buffer.concat(chunks))
      const { terms } = rig
      response.writeHead(terms.httpStatus ?? 200, { 'content-type': 'application/timestamp-reply' })
      response.end(makeTimeStamp(authority, terms.sha256 ?? sha256, { nonce, ...terms }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  rig.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsr`
  return rig
}

/** TimeStampReq: RFC 3161 §2.4.1. */
function readRequest(octets: Buffer): { sha256: string; nonce: string } {
  const request = new DerReader(octets).enter()
  request.next(TAG.integer)
  const imprint = request.enter()
  imprint.next(TAG.sequence)
  const sha256 = Buffer.from(imprint.read(TAG.octetString)).toString('hex')
  return { sha256, nonce: Buffer.from(request.read(TAG.integer)).toString('hex') }
}
