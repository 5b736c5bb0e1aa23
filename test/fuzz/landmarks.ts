import type { Octets } from '../../src/base/units.js'

/** Where in a message the fields are that say how long or where something is. */
export interface Landmarks {
  /** First octets of labels. */
  readonly labels: Octets[]
  /** First octets of compression pointers. */
  readonly pointers: Octets[]
  /** RDLENGTH fields, and OPTION-LENGTH fields of the OPT. */
  readonly lengths: Octets[]
  /** TTL fields. */
  readonly ttls: Octets[]
  /** Records, question excepted: where they begin and end. */
  readonly records: { readonly start: Octets; readonly end: Octets; readonly section: number }[]
  /** After the question. */
  readonly body: Octets
}

const OPT = 41

/** Walks a message as far as it can be walked. Written for tests, so that it shares no mistake. */
export function landmarksOf(message: Uint8Array): Landmarks {
  const found: Landmarks = {
    labels: [],
    pointers: [],
    lengths: [],
    ttls: [],
    records: [],
    body: 12
  }
  if (message.length < 12) return found
  let at: Octets = 12
  const questions = word(message, 4)
  for (let i = 0; i < questions && at < message.length; i++) at = passName(message, at, found) + 4
  const body = Math.min(at, message.length)
  for (let section = 1; section <= 3; section++) {
    const count = word(message, 4 + 2 * section)
    for (let i = 0; i < count && at < message.length; i++) {
      const end = passRecord(message, at, found)
      if (end > message.length) return { ...found, body }
      found.records.push({ start: at, end, section })
      at = end
    }
  }
  return { ...found, body }
}

export function word(octets: Uint8Array, at: Octets): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)
}

function passName(message: Uint8Array, start: Octets, found: Landmarks): Octets {
  for (let at = start; at < message.length;) {
    const head = message[at]!
    if (head === 0) return at + 1
    if (head >= 0xc0) {
      found.pointers.push(at)
      return at + 2
    }
    found.labels.push(at)
    at += 1 + head
  }
  return message.length
}

function passRecord(message: Uint8Array, start: Octets, found: Landmarks): Octets {
  const at = passName(message, start, found)
  if (at + 10 > message.length) return message.length + 1
  const end = at + 10 + word(message, at + 8)
  found.lengths.push(at + 8)
  if (word(message, at) !== OPT) {
    found.ttls.push(at + 4)
    return end
  }
  for (let option = at + 10; option + 4 <= end; option += 4 + word(message, option + 2)) {
    found.lengths.push(option + 2)
  }
  return end
}
