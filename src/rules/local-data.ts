import type { LocalData } from './types.js'

/** Octets of TYPE and RDLENGTH. */
const HEAD = 4

/** Gathers the records that a list has for its names, by the lines where these are. */
export class LocalDataBuilder {
  private readonly records = new Map<number, Uint8Array[]>()

  /** @param line the one that is given with the name, wherever the record stands */
  add(line: number, type: number, rdata: Uint8Array): void {
    const record = new Uint8Array(HEAD + rdata.length)
    const head = [type >> 8, type, rdata.length >> 8, rdata.length]
    record.set(head)
    record.set(rdata, HEAD)
    const known = this.records.get(line)
    if (known === undefined) this.records.set(line, [record])
    else known.push(record)
  }

  finish(): LocalData {
    const lines = [...this.records.keys()].sort((a, b) => a - b)
    const blocks = lines.map(line => Buffer.concat(this.records.get(line)!))
    let end = 0
    const starts = [0, ...blocks.map(({ length }) => (end += length))]
    const octets = new SharedArrayBuffer(end)
    blocks.forEach((block, i) => new Uint8Array(octets).set(block, starts[i]))
    return { lines: words(lines), starts: words(starts), octets }
  }
}

function words(values: readonly number[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4 * values.length)
  new Int32Array(buffer).set(values)
  return buffer
}
