import type { Octets, Seconds } from '../../base/units.js'
import type { Endpoint } from '../../wire/sockets/datagram.js'

/** `127.0.0.1:53`, `[::1]:53`. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** `1 entry`, `1,234 entries`. */
export function formatCount(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`
}

/** `1,234`. */
export function formatNumber(n: number): string {
  return n.toLocaleString('en')
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

/** `512 B`, `1.5 MB`, with units that are powers of 1024, as in the settings. */
export function formatSize(octets: Octets): string {
  const power = Math.max(0, Math.floor(Math.log2(Math.max(1, octets)) / 10))
  const unit = Math.min(power, UNITS.length - 1)
  const text = (octets / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)
  return `${text.replace(/\.0$/, '')} ${UNITS[unit]!}`
}

/** `7 s`, `3 min`, `5 h 20 min`, `12 d 3 h`. */
export function formatDuration(seconds: Seconds): string {
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (minutes === 0) return `${seconds} s`
  if (hours === 0) return `${minutes} min`
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** RFC 3339, without fractions of a second. */
export function formatInstant(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z')
}

/** `legalBasis` as `legal basis`. */
export function factLabel(fact: string): string {
  return fact.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}
