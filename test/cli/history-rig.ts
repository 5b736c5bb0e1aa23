import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { loadConfig } from '../../src/gateway/config/load-settings.js'
import { decisiveSettings } from '../../src/gateway/config/decisive-settings.js'
import { VersionContents } from '../../src/gateway/compiler/version-contents.js'
import { DECISION_REVISION } from '../../src/policy/evaluate/revision.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { RulesFolder } from '../../src/policy/rules/model/folder.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import { HistoryWriter, type NewEvent } from '../../src/policy/history/history-writer.js'
import { writeSite } from './run.js'

const MB = 2 ** 20

/** A gateway's site whose history is written as the gateway would, at chosen times. */
export class HistorySite {
  readonly settings: string
  readonly folder: string
  readonly rules: string
  private readonly writer: HistoryWriter
  private readonly contents = new VersionContents()

  constructor(
    t: Test,
    files: Readonly<Record<string, string>>,
    private readonly listSize = MB
  ) {
    this.settings = writeSite(t, files)
    this.folder = dirname(this.settings)
    this.rules = join(this.folder, 'rules')
    this.writer = new HistoryWriter(historyFolder(join(this.folder, 'state')))
  }

  write(name: string, text: string): void {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  /** Records what the rules folder has now. @returns its SHA-256 */
  async record(at: string, more: Partial<NewEvent> = {}): Promise<string> {
    const source = new RulesFolder(this.rules)
    const loaded = await loadRules(source)
    if (!loaded.ok) throw new Error(loaded.errors.map(({ message }) => message).join('\n'))
    const config = await loadConfig(this.settings)
    if (!config.ok) throw new Error('invalid settings')
    this.contents.add(source, loaded, this.listSize)
    const { sha256, filesSha256 } = loaded.rules
    const copies = join(this.folder, 'state', 'lists')
    const event: NewEvent = {
      ...{ at, event: 'reload', sha256, files: filesSha256, generation: 1, zones: [] },
      ...{ bundle: null, pauses: [], settings: decisiveSettings(config.config) },
      ...{ program: '0.1.0', revision: DECISION_REVISION, tz: process.versions.tz ?? '' },
      ...{ reason: 'file changed', by: null, summary: 'rules changed' },
      ...more
    }
    await this.writer.record(event, this.contents.of(filesSha256, copies, this.listSize))
    return sha256
  }

  stop(at: string): Promise<string> {
    return this.writer.end({ at, event: 'stop' })
  }
}
