import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { showPublicKey } from '../../src/base/files/ed25519.js'
import { FolderStore } from '../../src/fleet/ship/folder-store.js'
import type { LogStore } from '../../src/fleet/ship/log-store.js'
import { Pace } from '../../src/fleet/ship/pace.js'
import { Shipper } from '../../src/fleet/ship/shipper.js'
import { LogLayout } from '../../src/lookups/files/log-layout.js'
import type { ArchiveOptions } from '../../src/lookups/archive/maintain.js'
import type { QueryRecord } from '../../src/lookups/event/schema.js'
import { signKey, tendOnce } from '../querylog/archive/chain/rig.js'
import { lines, logFolder, record } from '../querylog/archive/lines.js'

/** No pauses. */
export const fast = (): Pace => new Pace(2 ** 30, () => Promise.resolve())

export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-fleet-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Files below a folder, sorted. */
export function filesBelow(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = all.filter(one => one.isFile()).map(one => join(one.parentPath, one.name))
  return files.map(path => path.slice(folder.length + 1)).sort()
}

/** A gateway with a query log, without its process. */
export class LoggingGateway {
  readonly path: string
  readonly layout: LogLayout
  readonly key: KeyObject
  private readonly chain

  constructor(
    t: Test,
    readonly name: string
  ) {
    this.path = logFolder(t, {})
    this.layout = new LogLayout(this.path)
    const { options } = signKey(t)
    this.chain = options
    this.key = createPublicKey(readFileSync(options.signKey))
  }

  /** Closes a file with lookups. @param closed as in its name: `20261110T120000.000Z` */
  close(closed: string, ...records: readonly QueryRecord[]): void {
    const path = join(dirname(this.path), `queries-${closed}.jsonl`)
    writeFileSync(path, lines(...records))
  }

  /** Runs maintenance at a time. */
  async maintain(wall: string, options: Partial<ArchiveOptions> = {}) {
    return tendOnce(this.path, wall, {
      ...{ chain: this.chain, ship: { to: 'centre', keepUntilConfirmed: false } },
      ...options
    })
  }

  shipper(store: LogStore): Shipper {
    return new Shipper(this.layout, this.name, 'centre', store)
  }

  shipTo(folder: string) {
    return this.shipper(new FolderStore(folder, fast())).pass()
  }
}

/** Lookups of one minute of a day, all different. */
export function minuteOf(
  day: string,
  minute: number,
  count = 3,
  fields: Partial<QueryRecord> = {}
) {
  const at = `${day}T10:${String(minute).padStart(2, '0')}`
  return Array.from({ length: count }, (_, i) =>
    record(`${at}:${String(i).padStart(2, '0')}.000Z`, fields)
  )
}

/** Writes the public keys of gateways for `verify-log --fleet`. */
export function writeKeys(folder: string, gateways: readonly LoggingGateway[]): void {
  mkdirSync(join(folder, 'keys'), { recursive: true })
  for (const { name, key } of gateways) {
    writeFileSync(join(folder, 'keys', `${name}.pub`), `${showPublicKey(key)}\n`)
  }
}
