import { fstatSync } from 'node:fs'

/** Priorities of syslog(3), as journald and sd-daemon(3) use them. */
const PRIORITY: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6 }
const STDERR = 2

/** Position of an error: `/etc/interdict/rules/networks.yaml:12:5: ...`. */
const POSITION = /^(\/[^:\n]+):(\d+):(\d+): /

interface Line {
  readonly level: string
  readonly msg?: string
  readonly time?: string
  readonly [field: string]: unknown
}

/** True if standard error is connected to the journal: systemd.exec(5), "JOURNAL_STREAM". */
export function isJournal(
  { JOURNAL_STREAM: stream }: { readonly JOURNAL_STREAM?: string },
  descriptor = STDERR
): boolean {
  if (stream === undefined) return false
  try {
    const { dev, ino } = fstatSync(descriptor)
    return stream === `${dev}:${ino}`
  } catch {
    return false
  }
}

/** A line with a level prefix as in sd-daemon(3), which the journal removes. */
export function withPriority(json: string): string {
  const { level } = JSON.parse(json) as Line
  return `<${PRIORITY[level] ?? PRIORITY.info}>${json}`
}

/**
 * An entry of the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): the line as the message, its
 * level, and its fields, such as INTERDICT_CODE and INTERDICT_NETWORK, to filter by. An error with a position in a
 * file also has INTERDICT_FILE, INTERDICT_LINE and INTERDICT_COLUMN.
 */
export function journalEntry(json: string): Buffer {
  const { level, msg = '', err, ...fields } = JSON.parse(json) as Line
  const [, file, line, column] = POSITION.exec(msg) ?? []
  const code = (err as { readonly code?: unknown } | undefined)?.code
  const all = {
    ...(file !== undefined && { file, line, column }),
    ...(code !== undefined && { code })
  }
  return Buffer.concat([
    field('PRIORITY', String(PRIORITY[level] ?? PRIORITY.info)),
    field('SYSLOG_IDENTIFIER', 'interdict'),
    field('MESSAGE', json.trimEnd()),
    ...Object.entries({ ...all, ...fields })
      // The journal adds its own times.
      .filter(([name]) => name !== 'time')
      .map(([name, value]) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value)
        return field(`INTERDICT_${nameOf(name)}`, text)
      })
  ])
}

/** `sha256` as `SHA256`, `restartMs` as `RESTART_MS`. */
const nameOf = (name: string): string =>
  name
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')

function field(name: string, value: string): Buffer {
  if (!value.includes('\n')) return Buffer.from(`${name}=${value}\n`)
  const data = Buffer.from(value)
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(data.length))
  return Buffer.concat([Buffer.from(`${name}\n`), size, data, Buffer.from('\n')])
}
