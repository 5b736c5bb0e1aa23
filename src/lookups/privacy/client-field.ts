import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Milliseconds } from '../../base/units.js'
import { addressOf } from '../../base/values/address.js'
import { ascii, type LineBuffer } from '../event/line-buffer.js'
import type { ActiveKey } from './key-ring.js'
import type { PrivacyMode, PrivacyOptions } from './privacy-mode.js'
import { devicePseudonymOf, prefixPreservingPseudonymOf, pseudonymOf } from './pseudonym.js'

/**
 * Clients whose pseudonym is cached: about 250 octets each, 16 MiB in total. Deriving one takes 2
 * µs.
 */
const MAX_CLIENTS = 65_536

/** Third word of an IPv4-mapped address, ::ffff:a.b.c.d. RFC 4291 §2.5.5.2. */
const MAPPED = 0xffff

const START = ascii(',"client":"')
const END = ascii('"')
const DEVICE = ascii(',"device":"')
const END_PSEUDONYM = ascii('","privacy":"pseudonym"')
const NONE = ascii(',"privacy":"none"')

interface CachedPseudonym {
  readonly words: Uint32Array
  readonly pseudonym: Uint8Array
}

/** Provides the pseudonym key for a time. */
export interface PseudonymKeys {
  keyAt(wall: Milliseconds): ActiveKey
}

/** Writes the fields `client` and `privacy` according to the privacy mode. */
export class ClientField {
  private readonly options: PrivacyOptions
  private readonly keys: PseudonymKeys | undefined
  private readonly endings: { readonly ipv4: Uint8Array; readonly ipv6: Uint8Array }
  private readonly masks: { readonly ipv4: Uint32Array; readonly ipv6: Uint32Array }
  private readonly masked = new Uint32Array(4)
  private key: ActiveKey | undefined
  /** That of `key`. */
  private secret: KeyObject | undefined
  /** Pseudonyms of clients under `key`, by a hash of their address. */
  private readonly cache = new Map<number, CachedPseudonym>()

  constructor(options: PrivacyOptions, keys: PseudonymKeys | undefined) {
    this.options = options
    this.keys = keys
    const { ipv4, ipv6 } = options.bits
    this.endings = { ipv4: prefixEnding(ipv4), ipv6: prefixEnding(ipv6) }
    this.masks = { ipv4: maskOf(96 + ipv4), ipv6: maskOf(ipv6) }
  }

  /**
   * @param device name of the client in printable ASCII without quotes and backslashes; empty: it is known
   *   by its address only. A pseudonym is that of the name, so that it does not change with the address.
   */
  append(
    text: LineBuffer,
    client: Uint32Array,
    device: Uint8Array,
    mode: PrivacyMode,
    wall: Milliseconds
  ): void {
    switch (mode) {
      case 'full':
        text.append(START)
        text.appendAddress(client)
        text.append(END)
        if (device.length === 0) return
        text.append(DEVICE)
        text.append(device)
        return text.append(END)
      case 'prefix':
        return this.appendPrefix(text, client)
      case 'pseudonym':
        text.append(START)
        text.append(
          device.length === 0 ? this.pseudonym(client, wall) : this.deviceName(device, wall)
        )
        return text.append(END_PSEUDONYM)
      case 'none':
        return text.append(NONE)
    }
  }

  private appendPrefix(text: LineBuffer, client: Uint32Array): void {
    const kind = isIpv4(client) ? 'ipv4' : 'ipv6'
    const mask = this.masks[kind]
    for (let i = 0; i < 4; i++) this.masked[i] = client[i]! & mask[i]!
    text.append(START)
    text.appendAddress(this.masked)
    text.append(this.endings[kind])
  }

  private pseudonym(client: Uint32Array, wall: Milliseconds): Uint8Array {
    const secret = this.secretAt(wall)
    const hash = hashOf(client)
    const cached = this.cache.get(hash)
    if (cached !== undefined && isSame(cached.words, client)) return cached.pseudonym
    if (this.cache.size >= MAX_CLIENTS) this.cache.clear()
    const derive = this.options.preservePrefix ? prefixPreservingPseudonymOf : pseudonymOf
    const pseudonym = ascii(derive(addressOf(client), secret))
    this.cache.set(hash, { words: client.slice(), pseudonym })
    return pseudonym
  }

  /** Not cached: recognized clients look up less than a whole network, and it takes 4 µs. */
  private deviceName(device: Uint8Array, wall: Milliseconds): Uint8Array {
    return ascii(devicePseudonymOf(device, this.secretAt(wall)))
  }

  private secretAt(wall: Milliseconds): KeyObject {
    const key = this.key
    if (key !== undefined && wall >= key.start && wall < key.end) return this.secret!
    if (this.keys === undefined) throw new Error('pseudonym keys are missing')
    this.cache.clear()
    this.key = this.keys.keyAt(wall)
    return (this.secret = createSecretKey(this.key.secret))
  }
}

function prefixEnding(bits: number): Uint8Array {
  return ascii(`/${bits}","privacy":"prefix"`)
}

/** Four words whose first `bits` bits are set. */
function maskOf(bits: number): Uint32Array {
  return Uint32Array.from({ length: 4 }, (_, i) => {
    const bitsInWord = Math.min(32, Math.max(0, bits - 32 * i))
    return bitsInWord === 0 ? 0 : (0xffffffff << (32 - bitsInWord)) >>> 0
  })
}

function isIpv4(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === MAPPED
}

function isSame(a: Uint32Array, b: Uint32Array): boolean {
  return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0]
}

/**
 * 30 bits, so that V8 never allocates the number on the heap. Mixes bits as the finalizer of
 * MurmurHash3 does.
 */
function hashOf(words: Uint32Array): number {
  let hash = 0
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    hash ^= hash >>> 16
  }
  return hash & 0x3fffffff
}
