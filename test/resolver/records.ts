import packet from 'dns-packet'
import { readAddress } from '../../src/base/address.js'
import { readName } from '../../src/wire/name.js'

/** One record as scenario files write it: `www.example 300 A 192.0.2.1`. */
export function readRecord(text: string): packet.Answer {
  const [name, ttl, type = '', ...rest] = text.split(/\s+/)
  const common = { name: name === '.' ? '' : name!, ttl: Number(ttl), class: 'IN' as const }
  switch (type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'DNAME':
    case 'NS':
      return { ...common, type, data: rest[0]! }
    case 'TXT':
      return { ...common, type, data: rest.join(' ') }
    case 'MX':
      return { ...common, type, data: { preference: Number(rest[0]), exchange: rest[1]! } }
    case 'SOA':
      return { ...common, type, data: readSoa(rest) }
    case 'HTTPS':
      return unknown(common, 65, serviceBinding(rest))
    default:
      return unknown(common, Number(type.replace('TYPE', '')), Buffer.from(rest.join(''), 'hex'))
  }
}

function unknown(
  common: { name: string; ttl: number; class: 'IN' },
  type: number,
  data: Buffer
): packet.Answer {
  return { ...common, type: `UNKNOWN_${type}`, data } as unknown as packet.Answer
}

function readSoa([
  mname,
  rname,
  serial,
  refresh,
  retry,
  expire,
  minimum
]: string[]): packet.SoaData {
  return {
    mname: mname!,
    rname: rname!,
    serial: Number(serial),
    refresh: Number(refresh),
    retry: Number(retry),
    expire: Number(expire),
    minimum: Number(minimum)
  }
}

/** RDATA of SVCB and HTTPS: priority, TargetName, and address hints. RFC 9460 §2.2. */
function serviceBinding([priority, target, ...params]: string[]): Buffer {
  const parts = [
    Buffer.from([0, Number(priority)]),
    target === '.' ? Buffer.from([0]) : Buffer.from(readName(target!))
  ]
  for (const param of params) {
    const [key, value] = param.split('=')
    const wide = readAddress(value ?? '')
    const octets = key === 'ipv4hint' ? wide.subarray(12) : wide
    parts.push(Buffer.from([0, key === 'ipv4hint' ? 4 : 6, 0, octets.length]), Buffer.from(octets))
  }
  return Buffer.concat(parts)
}
