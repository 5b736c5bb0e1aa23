import { systemClock } from '../../src/base/time/clock.js'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import { DROP, type Responder } from '../../src/resolver/context/responder.js'
import { CpuBudget } from '../../src/resolver/server/cpu-budget.js'
import { DohConnection, type DohContext } from '../../src/resolver/server/doh/doh-connection.js'
import { ReplyFrames } from '../../src/resolver/server/doh/reply-frames.js'
import { RequestFields } from '../../src/resolver/server/doh/request-fields.js'
import { ADDRESS_SOURCE } from '../../src/resolver/server/trusted-proxies.js'
import { FRAME, PREFACE, settingsFrame } from '../../src/wire/http2/frame.js'
import { ClientCertificates } from '../../src/wire/pki/client-certificate.js'
import { makeCertificate } from '../../test/tls/certificates.js'
import { KeyUpdates } from '../../test/tls/key-updates.js'
import { block, frame, POST } from '../../test/server/doh-client.js'
import { MemoryStream } from '../../test/fuzz/memory-connection.js'
import type { Case } from './measure.js'

/** Frames on one connection: more without queries would end it. */
const FRAMES = 900
const CLIENT = addressWords(readAddress('192.0.2.1'))

/** What clients can have done without a query: `COST` has these figures. */
export function clientCostCases(): Case[] {
  const words = new Uint32Array(4 * 4096).map((_, i) =>
    i % 4 === 2 ? 0xffff : i % 4 === 3 ? i : 0
  )
  const limits = { share: 0.25, bits: { ipv4: 32, ipv6: 56 }, exempt: undefined }
  const budget = new CpuBudget(
    limits,
    7,
    systemClock,
    () => 0,
    () => undefined
  )
  return [
    {
      name: 'client costs: charge',
      run(times) {
        let sum = 0
        for (let i = 0; i < times; i++)
          sum += Number(budget.charge(words.subarray(4 * (i & 4095), 4 * (i & 4095) + 4), 0.001))
        return sum
      }
    },
    certificateCase(),
    ...keyUpdateCases(),
    frameCase('PING', () => frame(FRAME.PING, 0, 0, Buffer.alloc(8))),
    frameCase('empty SETTINGS', () => frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(0))),
    frameCase('SETTINGS, 2,730 of them', () => frame(FRAME.SETTINGS, 0, 0, Buffer.alloc(16_380))),
    frameCase('WINDOW_UPDATE', () => frame(FRAME.WINDOW_UPDATE, 0, 0, Buffer.of(0, 0, 0, 1))),
    frameCase('request and reset', i => {
      const request = frame(FRAME.HEADERS, 4, 2 * i + 1, block(POST))
      return Buffer.concat([request, frame(FRAME.RST_STREAM, 0, 2 * i + 1, Buffer.of(0, 0, 0, 8))])
    }),
    frameCase('refused request', i => frame(FRAME.HEADERS, 5, 2 * i + 1, block(POST))),
    frameCase('header block of 8,000 indices', i =>
      frame(FRAME.HEADERS, 5, 2 * i + 1, Buffer.alloc(8000, 0x82))
    ),
    frameCase('header block of 8,000 octets, Huffman', i =>
      frame(FRAME.HEADERS, 5, 2 * i + 1, longField())
    )
  ]
}

/** One field with a value of 7,990 octets, all `a`. */
function longField(): Buffer {
  const length = 7990 - 127
  const value = Buffer.of(0xff, (length & 0x7f) | 0x80, length >> 7)
  // `a` is 00011: eight of them are five octets.
  const letters = Buffer.alloc(7990)
  for (let i = 0; i < letters.length; i++) letters[i] = [0x18, 0xc6, 0x31, 0x8c, 0x63][i % 5]!
  return Buffer.concat([Buffer.of(0, 1, 0x61), value, letters])
}

function certificateCase(): Case {
  const authority = makeCertificate({ subject: 'A', names: [] })
  const { certificate } = makeCertificate({
    issuer: authority,
    isAuthority: false,
    notAfter: new Date(0)
  })
  const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const certificates = new ClientCertificates([authority.certificate])
  return {
    name: 'client costs: certificate that is not valid',
    run(times) {
      let sum = 0
      for (let i = 0; i < times; i++) sum += certificates.read(der, Date.now()).names.length
      return sum
    }
  }
}

function keyUpdateCases(): Case[] {
  const pair = KeyUpdates.open()
  if (pair === undefined) return []
  return [
    {
      name: 'client costs: KeyUpdate and its answer',
      run(times) {
        // Client and server do the same.
        pair.exchange(times / 2)
        return times
      }
    }
  ]
}

/** @param frameOf the i-th frame of a connection */
function frameCase(it: string, frameOf: (i: number) => Buffer): Case {
  const octets = Buffer.concat(Array.from({ length: FRAMES }, (_, i) => frameOf(i)))
  const begin = Buffer.concat([PREFACE, settingsFrame()])
  const context = dohContext()
  const peer = {
    client: CLIENT,
    addressSource: ADDRESS_SOURCE.peer,
    identity: undefined,
    budget: undefined
  }
  return {
    name: `client costs: HTTP/2 ${it} (${octets.length / FRAMES} octets)`,
    run(times) {
      for (let done = 0; done < times; done += FRAMES) {
        const stream = new MemoryStream()
        new DohConnection(stream, peer, context)
        stream.handler!.receive(begin, 0, begin.length)
        const end =
          done + FRAMES > times
            ? Math.floor(octets.length / FRAMES) * (times - done)
            : octets.length
        for (let at = 0; at < end; at += 16_384)
          stream.handler!.receive(octets, at, Math.min(end, at + 16_384))
        stream.written.length = 0
      }
      return times
    }
  }
}

function dohContext(): DohContext {
  const responder: Responder = {
    hasValidCookie: false,
    beginBatch: () => undefined,
    endBatch: () => undefined,
    answer: () => DROP,
    answerLater: () => undefined
  }
  return {
    responder,
    frames: new ReplyFrames(),
    lateFrames: new ReplyFrames(),
    fields: new RequestFields('/dns-query'),
    clock: systemClock,
    counts: { queries: 0 },
    queriesInFlight: 100,
    proxies: undefined,
    recognition: undefined,
    idle: 10_000
  }
}
