/** Octets from parts that are easy to count: numbers are octets, texts ASCII, lists nested. */
export type Part = number | string | Uint8Array | readonly Part[]

export function octets(...parts: readonly Part[]): Uint8Array {
  return Uint8Array.from(parts.flatMap(flat))
}

function flat(part: Part): number[] {
  if (typeof part === 'number') return [part]
  if (typeof part === 'string') return [...Buffer.from(part, 'latin1')]
  return part instanceof Uint8Array ? [...part] : part.flatMap(flat)
}

/** 16 bits, most significant octet first. */
export const u16 = (value: number): number[] => [value >> 8, value & 0xff]
export const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]

/** A name of plain labels in wire form: `name('www.example')`. */
export function name(text: string): number[] {
  const labels = text === '' ? [] : text.split('.')
  return [...labels.flatMap(label => [label.length, ...Buffer.from(label, 'latin1')]), 0]
}

/** Header: ID, the two octets of flags, the four counts. */
export const header = (id: number, flags: number, ...counts: readonly number[]): number[] => [
  ...u16(id),
  ...u16(flags),
  ...counts.flatMap(u16)
]

export const question = (qname: string, qtype = 1, qclass = 1): number[] => [
  ...name(qname),
  ...u16(qtype),
  ...u16(qclass)
]

/** A record; the owner is a name in text, or octets. */
export function record(
  owner: string | readonly number[],
  type: number,
  ttl: number,
  rdata: readonly Part[],
  rrclass = 1
): number[] {
  const data = rdata.flatMap(flat)
  const wire = typeof owner === 'string' ? name(owner) : owner
  return [...wire, ...u16(type), ...u16(rrclass), ...u32(ttl), ...u16(data.length), ...data]
}

/** An OPT record. RFC 6891 §6.1.2. */
export const opt = (
  size: number,
  options: readonly number[] = [],
  { rcode = 0, version = 0, flags = 0 } = {}
): number[] => [
  0,
  ...u16(41),
  ...u16(size),
  rcode,
  version,
  ...u16(flags),
  ...u16(options.length),
  ...options
]

export const option = (code: number, data: readonly Part[]): number[] => {
  const value = data.flatMap(flat)
  return [...u16(code), ...u16(value.length), ...value]
}

/** The pointer to QNAME. */
export const TO_QNAME = [0xc0, 12]
