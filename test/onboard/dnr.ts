/** An option of RFC 9463 as a client reads it. */
export interface ReadOption {
  readonly priority: number
  readonly name: string
  readonly addresses: readonly string[]
  /** Values of SvcParams by key, in hexadecimal. */
  readonly params: Readonly<Record<number, string>>
  readonly lifetime?: number
}

class Reader {
  private at = 0
  constructor(private readonly octets: Buffer) {}

  get left(): number {
    return this.octets.length - this.at
  }

  number(size: number): number {
    const value = this.octets.readUIntBE(this.at, size)
    this.at += size
    return value
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Error(`truncated: ${length} octets of ${this.left}`)
    this.at += length
    return this.octets.subarray(this.at - length, this.at)
  }
}

/** Instances of the DHCPv4 option. RFC 9463 §5.1. */
export function readDhcp4(octets: Uint8Array): readonly ReadOption[] {
  const reader = new Reader(Buffer.from(octets))
  const all: ReadOption[] = []
  while (reader.left > 0) {
    const one = new Reader(reader.take(reader.number(2)))
    const priority = one.number(2)
    const name = readWire(one.take(one.number(1)))
    const addresses = split(one.take(one.number(1)), 4).map(it => [...it].join('.'))
    all.push({ priority, name, addresses, params: readParams(one.take(one.left)) })
  }
  return all
}

/** RFC 9463 §4.1. */
export function readDhcp6(octets: Uint8Array): ReadOption {
  const one = new Reader(Buffer.from(octets))
  const priority = one.number(2)
  const name = readWire(one.take(one.number(2)))
  const addresses = split(one.take(one.number(2)), 16).map(it => it.toString('hex'))
  return { priority, name, addresses, params: readParams(one.take(one.left)) }
}

/** RFC 9463 §6.1. */
export function readAdvertisement(octets: Uint8Array): ReadOption {
  const one = new Reader(Buffer.from(octets))
  if (one.number(1) !== 144) throw new Error('another option')
  if (one.number(1) * 8 !== octets.length) throw new Error('wrong length')
  const priority = one.number(2)
  const lifetime = one.number(4)
  const name = readWire(one.take(one.number(2)))
  const addresses = split(one.take(one.number(2)), 16).map(it => it.toString('hex'))
  const params = readParams(one.take(one.number(2)))
  if (one.left > 7 || one.take(one.left).some(octet => octet !== 0)) throw new Error('padding')
  return { priority, name, addresses, params, lifetime }
}

function readWire(octets: Buffer): string {
  const reader = new Reader(octets)
  const labels: string[] = []
  for (let length = reader.number(1); length > 0; length = reader.number(1))
    labels.push(reader.take(length).toString())
  if (reader.left > 0) throw new Error('octets after the name')
  return labels.join('.')
}

/** RFC 9460 §2.2: keys in ascending order. */
function readParams(octets: Buffer): Record<number, string> {
  const reader = new Reader(octets)
  const params: Record<number, string> = {}
  let before = -1
  while (reader.left > 0) {
    const key = reader.number(2)
    if (key <= before) throw new Error(`key ${key} after ${before}`)
    before = key
    params[key] = reader.take(reader.number(2)).toString('hex')
  }
  return params
}

function split(octets: Buffer, size: number): Buffer[] {
  if (octets.length % size !== 0) throw new Error(`${octets.length} octets of addresses`)
  return Array.from({ length: octets.length / size }, (_, i) =>
    octets.subarray(i * size, (i + 1) * size)
  )
}
