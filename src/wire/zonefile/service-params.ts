import { readAddress } from '../../base/values/address.js'
import { InterdictError } from '../../base/errors/error.js'

/** SvcParamKeys by name. IANA "Service Parameter Keys (SvcParamKeys)", RFC 9460 §14.3.2, RFC 9461 §5. */
const SVC_PARAM_KEYS = new Map([
  ['mandatory', 0],
  ['alpn', 1],
  ['no-default-alpn', 2],
  ['port', 3],
  ['ipv4hint', 4],
  ['ech', 5],
  ['ipv6hint', 6],
  ['dohpath', 7]
])

/** Reads SvcParams in zone file format; undefined if one is invalid. RFC 9460 §2.1. */
export function readSvcParams(tokens: readonly string[]): Uint8Array | undefined {
  const params = tokens.map(readSvcParam)
  if (params.some(param => param === undefined)) return undefined
  const sorted = params.filter(param => param !== undefined).sort((a, b) => a.key - b.key)
  if (sorted.some(({ key }, i) => key === sorted[i + 1]?.key)) return undefined
  return Buffer.concat(
    sorted.map(({ key, value }) => Buffer.concat([encodeUint16(key), withLength(value, 2)]))
  )
}

function readSvcParam(text: string): { key: number; value: Uint8Array } | undefined {
  const [, name = '', raw = ''] = /^([a-z0-9-]+)(?:=(.*))?$/s.exec(text) ?? []
  const key = readKey(name)
  if (key === undefined) return undefined
  const value = readValue(key, /^".*"$/s.test(raw) ? raw.slice(1, -1) : raw)
  return value === undefined ? undefined : { key, value }
}

function readKey(name: string): number | undefined {
  const number = /^key(\d{1,5})$/.exec(name)?.[1]
  const key = number === undefined ? SVC_PARAM_KEYS.get(name) : Number(number)
  return key === undefined || key >= 0xffff ? undefined : key
}

function readValue(key: number, text: string): Uint8Array | undefined {
  const items = text === '' ? [] : text.split(',')
  switch (key) {
    case 0:
      return concatAll(
        items.map(item => readKey(item)).map(it => (it === undefined ? it : encodeUint16(it)))
      )
    case 1:
      return concatAll(items.map(readAlpn))
    case 2:
      return text === '' ? Buffer.alloc(0) : undefined
    case 3:
      return /^\d{1,5}$/.test(text) && Number(text) <= 0xffff
        ? encodeUint16(Number(text))
        : undefined
    case 4:
      return concatAll(items.map(item => readHint(item)?.slice(12)))
    case 6:
      return concatAll(items.map(readHint))
    default:
      return Buffer.from(text, key === 5 ? 'base64' : 'latin1')
  }
}

/** Concatenates all parts; undefined if there are none or one is undefined. */
function concatAll(parts: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
  const all = parts.filter(part => part !== undefined)
  return all.length === parts.length && all.length > 0 ? Buffer.concat(all) : undefined
}

function readAlpn(text: string): Uint8Array | undefined {
  const octets = Buffer.from(text)
  return octets.length > 0 && octets.length <= 255 ? withLength(octets, 1) : undefined
}

function readHint(text: string): Uint8Array | undefined {
  try {
    return readAddress(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}

function encodeUint16(value: number): Uint8Array {
  return Buffer.of(value >> 8, value)
}

/** Octets with a length prefix of one or two octets. */
function withLength(octets: Uint8Array, count: 1 | 2): Uint8Array {
  const head = count === 2 ? encodeUint16(octets.length) : Buffer.of(octets.length)
  return Buffer.concat([head, octets])
}
