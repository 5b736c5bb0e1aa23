/** Fields of a message by their numbers; of repeated ones the last. */
export interface Fields {
  readonly numbers: ReadonlyMap<number, number>
  readonly octets: ReadonlyMap<number, Uint8Array>
}

/** How a value is laid out: the low three bits of a field's key. */
const KIND = { varint: 0, fixed64: 1, octets: 2, fixed32: 5 } as const
const KIND_BITS = 3

/**
 * Reads the fields of one message in the encoding of Protocol Buffers: the part of it that dnstap
 * has. Undefined where it is none.
 */
export function readFields(message: Uint8Array): Fields | undefined {
  const numbers = new Map<number, number>()
  const octets = new Map<number, Uint8Array>()
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  const reader = { at: 0 }
  while (reader.at < message.length) {
    const key = readVarint(message, reader)
    const field = Math.floor(key / 2 ** KIND_BITS)
    switch (key % 2 ** KIND_BITS) {
      case KIND.varint:
        numbers.set(field, readVarint(message, reader))
        break
      case KIND.octets: {
        const length = readVarint(message, reader)
        const end = reader.at + length
        if (!(end <= message.length)) return undefined
        octets.set(field, message.subarray(reader.at, end))
        reader.at = end
        break
      }
      case KIND.fixed32:
        if (reader.at + 4 > message.length) return undefined
        numbers.set(field, view.getUint32(reader.at, true))
        reader.at += 4
        break
      case KIND.fixed64:
        reader.at += 8
        break
      default:
        return undefined
    }
  }
  // A varint that is cut short leaves it behind the end.
  return reader.at === message.length ? { numbers, octets } : undefined
}

/** Seven bits an octet, the lowest first; NaN where it is cut short or longer than 64 bits. */
function readVarint(message: Uint8Array, reader: { at: number }): number {
  let value = 0
  for (let factor = 1; factor < 2 ** 64; factor *= 128) {
    const octet = message[reader.at++]
    if (octet === undefined) return NaN
    value += (octet & 0x7f) * factor
    if (octet < 0x80) return value
  }
  reader.at = message.length + 1
  return NaN
}
