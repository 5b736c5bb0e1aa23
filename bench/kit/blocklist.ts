import { createWriteStream } from 'node:fs'
import { link, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { blockedName, markerName } from './names.js'

/** What a zone file begins with. RFC 1035 section 5. */
const SOA =
  '$TTL 60\n@ SOA localhost. root.localhost. {generation} 3600 600 86400 60\n@ NS localhost.\n'

/** The same block list in the words of each server. */
export const FORMATS = {
  domains: { head: '', line: (name: string) => `${name}\n` },
  unbound: { head: 'server:\n', line: (name: string) => `local-zone: "${name}" always_null\n` },
  dnsmasq: { head: '', line: (name: string) => `address=/${name}/#\n` },
  // Knot Resolver keeps an object for each name with an address of its own, and none for these.
  'rpz-cname': { head: SOA, line: (name: string) => `${name} CNAME .\n*.${name} CNAME .\n` },
  // A response policy zone needs a second record for the names below.
  rpz: {
    head: SOA,
    line: (name: string) => `${name} A 0.0.0.0\n*.${name} A 0.0.0.0\n`
  }
} as const
export type Format = keyof typeof FORMATS

/** Names to be blocked, written to files as they are asked for. */
export class Blocklist {
  readonly #files = new Map<Format, Promise<string>>()

  /**
   * @param folder where files are kept
   * @param count of generated names
   * @param generation which marker name the list has
   * @param extra further names
   */
  constructor(
    readonly folder: string,
    readonly count: number,
    readonly generation: number,
    readonly extra: readonly string[] = []
  ) {}

  /** The list with its other generation's marker: what it is replaced with. */
  next(): Blocklist {
    return new Blocklist(this.folder, this.count, this.generation + 1, this.extra)
  }

  /** Path of the list in this format. */
  file(format: Format): Promise<string> {
    const known = this.#files.get(format)
    if (known !== undefined) return known
    const written = this.#write(format)
    this.#files.set(format, written)
    return written
  }

  /**
   * Puts the list at `target` in one step, as a careful operator does: the file that a server finds
   * there is always whole, and newer than the one before.
   */
  async install(format: Format, target: string): Promise<void> {
    const fresh = `${target}.new`
    await link(await this.file(format), fresh)
    await utimes(fresh, new Date(), new Date())
    await rename(fresh, target)
    // Two links to one file are left as they are: rename(2).
    await rm(fresh, { force: true })
  }

  /** Makes room: lists of 10M names are large. */
  async remove(): Promise<void> {
    for (const file of this.#files.values()) await rm(await file, { force: true })
    this.#files.clear()
  }

  async #write(format: Format): Promise<string> {
    const path = join(this.folder, `${format}-${this.count}-${this.generation}`)
    const there = await stat(path).catch(() => undefined)
    if (there === undefined) await pipeline(this.#chunks(format), createWriteStream(path))
    return path
  }

  *#chunks(format: Format): Generator<string> {
    const { head, line } = FORMATS[format]
    yield head.replace('{generation}', String(this.generation))
    yield line(markerName(this.generation))
    yield this.extra.map(line).join('')
    const step = 10_000
    for (let from = 0; from < this.count; from += step) {
      let chunk = ''
      for (let i = from; i < Math.min(from + step, this.count); i++) chunk += line(blockedName(i))
      yield chunk
    }
  }
}
