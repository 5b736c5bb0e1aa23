import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  readFileSync
} from 'node:fs'
import type { Octets } from '../../base/units.js'
import { readDnsmasqLeases } from '../../sources/bindings/dnsmasq-leases.js'
import { readBindingLines } from '../../sources/bindings/json-bindings.js'
import { readKeaChanges } from '../../sources/bindings/kea-leases.js'
import { applyLines, replaceByLines } from './apply-lines.js'
import { PathFeed } from './path-feed.js'

/** Larger lease files are no lease files. */
const MAX_FILE: Octets = 1024 ** 3

/**
 * Follows a file. Kea and JSON lines append to it: only what is new is read. dnsmasq writes all of it at each change. A file that
 * was replaced, or has become shorter, is read from its start.
 */
export class FileFeed extends PathFeed {
  /** Of the file as it was read: device, inode, and how far. */
  private known = ''
  private octets: Octets = 0
  private changed = -1

  start(): void {
    this.poll()
  }

  close(): void {
    this.known = ''
  }

  poll(): void {
    try {
      const { dev, ino, size, mtimeMs } = statSync(this.path)
      const isSame = this.known === `${dev}:${ino}` && this.reporter.store.isUp(this.name)
      if (isSame && size === this.octets && mtimeMs === this.changed) return
      this.changed = mtimeMs
      const appends = this.reporter.feed.type !== 'dnsmasq'
      if (isSame && appends && size >= this.octets) this.readAppended()
      else this.readAll()
    } catch (error) {
      this.known = ''
      this.reporter.down(error)
    }
  }

  private readAppended(): void {
    const { reporter, tail } = this
    const { text: whole } = this.readFrom(this.octets - Buffer.byteLength(tail))
    // Somebody has written another text into the file.
    if (!whole.startsWith(tail)) return this.readAll()
    const text = whole.slice(tail.length)
    const errors =
      reporter.feed.type === 'kea' ? this.applyKea([this.header + text]) : this.applyLines(text)
    reporter.up(errors)
  }

  /** The first line, which names the columns. */
  private header = ''
  /** The last line that was read. */
  private tail = ''

  private readAll(): void {
    const { reporter, name } = this
    const { store, clock, feed } = reporter
    const { text, identity } = this.readFrom(0)
    const now = clock.wall()
    if (feed.type === 'dnsmasq') {
      const { bindings, errors } = readDnsmasqLeases(text, name, now)
      store.replace(name, bindings, now)
      reporter.up(errors)
    } else if (feed.type === 'kea') {
      this.header = text.slice(0, text.indexOf('\n') + 1)
      const { leases, errors } = readKeaChanges([...this.earlierKeaFiles(), text], name)
      const bindings = [...leases.values()].flatMap(one => one ?? [])
      store.replace(name, bindings, now)
      reporter.up(errors)
    } else {
      const { changes, errors } = readBindingLines(text, this.jsonFeed, now)
      replaceByLines(store, name, changes, now)
      reporter.up(errors)
    }
    this.known = identity
  }

  private get jsonFeed() {
    const { name, lifetime } = this.reporter.feed
    return { source: name, lifetime }
  }

  private applyLines(text: string): readonly string[] {
    const { store, clock } = this.reporter
    const now = clock.wall()
    const { changes, errors } = readBindingLines(text, this.jsonFeed, now)
    applyLines(store, this.name, changes, now)
    return errors
  }

  private applyKea(texts: readonly string[]): readonly string[] {
    const { store, clock } = this.reporter
    const now = clock.wall()
    const { leases, errors } = readKeaChanges(texts, this.name)
    for (const [address, binding] of leases) {
      if (binding === undefined) store.end(this.name, address, now, now)
      else store.begin(binding, now)
    }
    return errors
  }

  /** While Kea compacts its file, most leases are in files beside it, as Kea itself reads them at its start. */
  private earlierKeaFiles(): readonly string[] {
    const { path } = this
    const completed = `${path}.completed`
    const names = existsSync(completed) ? [completed] : [`${path}.2`, `${path}.1`]
    return names.filter(existsSync).map(name => readFileSync(name, 'utf8'))
  }

  /** Whole lines only: the rest of the last one is read when it is written. */
  private readFrom(start: Octets): { readonly text: string; readonly identity: string } {
    const file = openSync(this.path, 'r')
    try {
      const stats = fstatSync(file)
      const { dev, ino, size } = stats
      if (!stats.isFile()) throw new Error('not a regular file')
      if (size > MAX_FILE) throw new Error('file is larger than 1 GB')
      const buffer = Buffer.alloc(Math.max(0, size - start))
      const read = readSync(file, buffer, 0, buffer.length, start)
      const end = buffer.subarray(0, read).lastIndexOf(NEWLINE) + 1
      this.octets = start + end
      const text = buffer.toString('utf8', 0, end)
      this.tail = text.slice(text.lastIndexOf('\n', text.length - 2) + 1)
      return { text, identity: `${dev}:${ino}` }
    } finally {
      closeSync(file)
    }
  }
}

const NEWLINE = 0x0a
