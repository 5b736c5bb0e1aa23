import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { readName } from '../../../src/wire/dns/name/name.js'
import type { TransferList } from '../../../src/policy/rules/lists/transfer-list.js'
import type { Primary } from '../../../src/sources/axfr/primary.js'
import { updateZone, type ZoneUpdate } from '../../../src/sources/axfr/update-zone.js'
import { ZoneCopies } from '../../../src/sources/axfr/zone-copies.js'
import type { ZoneRecord } from '../../../src/sources/axfr/zone-record.js'
import { effectiveZone, readZoneCopy } from '../../../src/wire/zonefile/effective-zone.js'
import { ZONE } from './primary.js'

const NOWHERE = { file: 'networks.yaml', line: 1, column: 1 }

/** A list that is the zone, and the folder of its copies. */
export class Rig {
  readonly folder: string
  readonly copies: ZoneCopies
  now = Date.now()
  maxTime = 5_000
  maxSize = 1_000_000
  list: TransferList = {
    id: 'rpz-main',
    zone: ZONE,
    name: readName(ZONE),
    primaries: undefined,
    position: NOWHERE,
    maxSize: 1_000_000,
    mayBeEmpty: false,
    hasCopy: false
  }

  constructor(t: Test) {
    this.folder = mkdtempSync(join(tmpdir(), 'interdict-zones-'))
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
    this.copies = new ZoneCopies(this.folder)
  }

  update(primaries: readonly Primary[], isNotified = false): Promise<ZoneUpdate> {
    const { copies, list, maxTime, maxSize } = this
    const now = (): number => this.now
    return updateZone({ list, primaries, isNotified }, { copies, maxTime, maxSize, now })
  }

  record(): Promise<ZoneRecord> {
    return this.copies.record(this.list.id, ZONE)
  }

  read(end: string): string {
    return readFileSync(join(this.folder, `rpz-main${end}`), 'latin1')
  }

  write(end: string, text: string): void {
    writeFileSync(join(this.folder, `rpz-main${end}`), text, 'latin1')
  }

  /** The active zone text; '': there is none. */
  async text(): Promise<string> {
    const kept = await this.copies.read(this.list.id, this.list.name)
    if (kept === undefined) return ''
    return Buffer.from(effectiveZone(kept.base, kept.journal)).toString('latin1')
  }

  /** Names in the active zone, below the apex. */
  async names(): Promise<readonly string[]> {
    const lines = (await this.text()).split('\n').filter(line => /^[^;].* IN CNAME /.test(line))
    return lines.map(line => line.slice(0, line.indexOf(`.${ZONE}.`)))
  }

  /** The serial as the rules would read it. */
  async serial(): Promise<number | undefined> {
    const kept = await this.copies.read(this.list.id, this.list.name)
    return kept && readZoneCopy(this.list.name, kept.base, kept.journal)?.serial
  }
}
