import type { Milliseconds } from '../../base/units.js'
import type { StatusReply } from '../../gateway/status/health.js'
import type { ChangeLog } from './change-log.js'

/** Files are read within a second after a change: what was changed twice within this time is one change here. */
const INTERVAL: Milliseconds = 30_000

type Watched = Pick<StatusReply, 'rules' | 'settings'>

/** Records changes of rules and settings, which are made in files. */
export class FileChanges {
  private last: Watched | undefined

  constructor(private readonly changes: Pick<ChangeLog, 'record'>) {}

  see(status: Watched): void {
    const { last, changes } = this
    this.last = status
    if (last === undefined) return
    const { rules, settings } = status
    const record = (operation: string, subject: string, code: string | null): void =>
      changes.record({ by: null, operation, subject, code })
    if (rules.sha256 !== last.rules.sha256) {
      const { bundle, sha256 } = rules
      const serial = bundle === null ? '' : `serial ${bundle.serial}, `
      record('rules', `${serial}SHA-256 ${sha256}`, null)
    }
    if (settings !== null && settings.sha256 !== last.settings?.sha256)
      record('settings', settings.file, null)
    for (const [operation, now, before] of [
      ['rules', rules.reload, last.rules.reload],
      ['settings', settings?.reload, last.settings?.reload]
    ] as const) {
      if (now?.outcome !== 'refused' || now.at === before?.at) continue
      const [first] = now.first
      record(operation, first?.message ?? '', first?.code ?? 'FAULT')
    }
  }
}

/** Watches for as long as the thread lives. */
export function watchFiles(
  changes: ChangeLog,
  status: () => Promise<StatusReply | undefined>
): void {
  const files = new FileChanges(changes)
  const look = async (): Promise<void> => {
    const found = await status()
    if (found !== undefined) files.see(found)
  }
  void look()
  setInterval(() => void look(), INTERVAL).unref()
}
