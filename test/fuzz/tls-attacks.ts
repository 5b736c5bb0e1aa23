import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { queries } from '../server/tcp-client.js'
import { turns } from '../server/transports.js'
import { KEY_UPDATE, RECORD_TYPE, SecretClient } from '../tls/secret-client.js'
import type { Dice } from './dice.js'
import { mutated, randomOctets } from './http2-mutants.js'

/** After this an attacker goes away, whatever the server does. */
const PATIENCE = 50
const MOST_RECORDS = 6
/** RFC 8446 §5.1: one octet more than a record may hold, with its type. */
const TOO_MUCH = 16_385
const QUERY = queries('now')

type Content = (dice: Dice) => readonly [Uint8Array, number]

/** A message that is too short, after which the server ends the connection. */
const tooShort: Content = dice => [
  Buffer.concat([Buffer.of(0, 5), randomOctets(5, dice)]),
  RECORD_TYPE.data
]
/** The server ends the connection in the middle of a message of TLS, which is an error in OpenSSL. */
const KNOWN: readonly Content[] = [
  tooShort,
  () => [KEY_UPDATE.subarray(0, 4), RECORD_TYPE.handshake]
]

/** What is sent in a record with a valid tag: messages of TLS and of DNS, whole, in part, or wrong. */
const CONTENTS: readonly Content[] = [
  () => [QUERY, RECORD_TYPE.data],
  dice => [QUERY.subarray(0, dice.below(QUERY.length)), RECORD_TYPE.data],
  tooShort,
  dice => [
    Buffer.concat([KEY_UPDATE.subarray(0, 4), Buffer.of(dice.below(3))]),
    RECORD_TYPE.handshake
  ],
  dice => [KEY_UPDATE.subarray(0, 1 + dice.below(4)), RECORD_TYPE.handshake],
  dice => [
    Buffer.concat(Array(1 + dice.below(20)).fill(KEY_UPDATE) as Buffer[]),
    RECORD_TYPE.handshake
  ],
  // Any message of a handshake, after it: RFC 8446 §4.
  dice => {
    const body = randomOctets(dice.below(40), dice)
    const length = dice.chance(70) ? body.length : dice.below(2 ** 16)
    const type = dice.pick([0, 1, 2, 4, 5, 8, 11, 13, 15, 20, 254])
    return [
      Buffer.concat([Buffer.of(type, 0, length >> 8, length & 255), body]),
      RECORD_TYPE.handshake
    ]
  },
  dice => [Buffer.of(1 + dice.below(2), dice.pick([0, 10, 20, 40, 90, 100])), RECORD_TYPE.alert],
  dice => [randomOctets(dice.below(4), dice), RECORD_TYPE.alert],
  dice => [new Uint8Array(), dice.pick([21, 22, 23])],
  dice => [randomOctets(1 + dice.below(600), dice), dice.below(256)],
  () => [Buffer.alloc(TOO_MUCH), RECORD_TYPE.data]
]

/** Attackers have addresses of their own: what they cost is not charged to the canaries. */
const addressOf = (dice: Dice): string => `127.0.1.${1 + dice.below(250)}`

/**
 * Sends records after a handshake, most with a valid tag, at once or in pieces.
 *
 * @param onSent called in the same turn as the last write
 * @returns records
 */
export async function sendEncrypted(port: number, dice: Dice, onSent: () => void): Promise<number> {
  const client = await SecretClient.open(port, addressOf(dice))
  // The server may read the end of the handshake together with what follows, or not.
  await turns(dice.below(6))
  const contents = dice.chance(20)
    ? KNOWN
    : Array.from({ length: 1 + dice.below(MOST_RECORDS) }, () => dice.pick(CONTENTS))
  const records = contents.map(content => {
    const record = client.record(...content(dice))
    return dice.chance(5) ? mutated(record, dice) : record
  })
  const octets = Buffer.concat(records)
  const piece = dice.pick([10, 100, octets.length, octets.length])
  for (let at = 0; at < octets.length && !client.ended;) {
    const size = piece === octets.length ? piece : 1 + dice.below(piece)
    client.socket.write(octets.subarray(at, at + size))
    at += size
    if (at < octets.length && dice.chance(20)) await new Promise(resolve => setImmediate(resolve))
  }
  onSent()
  await leave(client.socket, dice)
  return records.length
}

/** Sends a handshake whose records are changed, with either version. @returns changed records */
export async function sendHandshake(port: number, dice: Dice): Promise<number> {
  const raw = connectTcp({ port, host: '127.0.0.1', localAddress: addressOf(dice) })
  raw.on('error', () => undefined)
  await once(raw, 'connect')
  let count = 0
  const wire = new Duplex({
    read: () => undefined,
    write(valid: Buffer, _, done) {
      const octets = mutated(valid, dice)
      if (octets !== valid) count++
      raw.write(octets)
      done()
    }
  })
  raw.on('data', (octets: Buffer) => void wire.push(octets))
  const maxVersion = dice.pick(['TLSv1.2', 'TLSv1.3'] as const)
  const socket = connect({ socket: wire, rejectUnauthorized: false, maxVersion })
  socket.on('error', () => undefined).resume()
  socket.write(QUERY)
  const secure = once(socket, 'secureConnect').catch(() => undefined)
  await Promise.race([secure, sleep(PATIENCE / 2)])
  if (dice.chance(50)) {
    raw.write(randomOctets(1 + dice.below(600), dice))
    count++
  }
  await leave(raw, dice)
  socket.destroy()
  return count
}

async function leave(socket: SecretClient['socket'], dice: Dice): Promise<void> {
  const isPolite = dice.chance(50)
  if (isPolite) socket.end()
  const closed = once(socket.resume(), 'close').catch(() => undefined)
  if (dice.chance(80)) await Promise.race([closed, sleep(dice.below(PATIENCE))])
  // Node keeps a socket that is reset while it ends.
  if (!isPolite && dice.chance(50)) socket.resetAndDestroy()
  else socket.destroy()
}
