import { readAddress } from '../base/address.js'
import { InterdictError } from '../base/error.js'

/** SvcParamKeys by name. IANA "Service Parameter Keys (SvcParamKeys)", RFC 9460 §14.3.2. */
const KEYS = new Map([
  ['mandatory', 0],
  ['alpn', 1],
  ['no-default-alpn', 2],
  ['port', 3],
  ['ipv4hint', 4],
  ['ech', 5],
  ['ipv6hint', 6]
])

/** Reads SvcParams as master files have them; undefined where one is not right. RFC 9460 §2.1. */
export function readParams(words: readonly string[]): Uint8Array | undefined {
  const params = words.map(readParam)
  if (params.some(param => param === undefined)) return undefined
  const sorted = params.filter(param => param !== undefined).sort((a, b) => a.key - b.key)
  if (sorted.some(({ key }, i) => key === sorted[i + 1]?.key)) return undefined
  return Buffer.concat(sorted.map(({ key, value }) => Buffer.concat([word(key), sized(value, 2)])))
}

function readParam(text: string): { key: number; value: Uint8Array } | undefined {
  const [, name = '', given = ''] = /^([a-z0-9-]+)(?:=(.*))?$/s.exec(text) ?? []
  const key = keyOf(name)
  if (key === undefined) return undefined
  const value = readValue(key, /^".*"$/s.test(given) ? given.slice(1, -1) : given)
  return value === undefined ? undefined : { key, value }
}

function keyOf(name: string): number | undefined {
  const number = /^key(\d{1,5})$/.exec(name)?.[1]
  const key = number === undefined ? KEYS.get(name) : Number(number)
  return key === undefined || key >= 0xffff ? undefined : key
}

function readValue(key: number, text: string): Uint8Array | undefined {
  const items = text === '' ? [] : text.split(',')
  switch (key) {
    case 0:
      return joined(items.map(item => keyOf(item)).map(it => (it === undefined ? it : word(it))))
    case 1:
      return joined(items.map(alpn))
    case 2:
      return text === '' ? Buffer.alloc(0) : undefined
    case 3:
      return /^\d{1,5}$/.test(text) && Number(text) <= 0xffff ? word(Number(text)) : undefined
    case 4:
      return joined(items.map(item => hint(item)?.slice(12)))
    case 6:
      return joined(items.map(hint))
    default:
      return Buffer.from(text, key === 5 ? 'base64' : 'latin1')
  }
}

/** All of them, at least one; undefined where one is. */
function joined(parts: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
  const all = parts.filter(part => part !== undefined)
  return all.length === parts.length && all.length > 0 ? Buffer.concat(all) : undefined
}

function alpn(text: string): Uint8Array | undefined {
  const octets = Buffer.from(text)
  return octets.length > 0 && octets.length <= 255 ? sized(octets, 1) : undefined
}

function hint(text: string): Uint8Array | undefined {
  try {
    return readAddress(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

function word(value: number): Uint8Array {
  return Buffer.of(value >> 8, value)
}

/** Octets with their count before them, in one octet or two. */
function sized(octets: Uint8Array, count: 1 | 2): Uint8Array {
  const head = count === 2 ? word(octets.length) : Buffer.of(octets.length)
  return Buffer.concat([head, octets])
}
