import { join } from 'node:path'
import type { SerializedError } from '../../../base/errors/serialized-error.js'
import type { Migration } from '../../../sources/migrate/draft/migration.js'

interface Checked {
  readonly errors: readonly SerializedError[]
  readonly warnings: readonly SerializedError[]
}

/** Settings that are listed on the terminal; the report has all. */
const MAX_SHOWN = 50

/** What became of the settings of another server, as text. */
export function migrationText(
  migration: Migration,
  folder: string,
  { errors, warnings }: Checked
): string {
  const { server, directives } = migration
  const open = directives.filter(({ outcome }) => outcome === 'open')
  const shown = open
    .slice(0, MAX_SHOWN)
    .map(({ file, line, text, note }) => `  ${file}:${line}: ${text}\n      ${note}\n`)
  const more = open.length > MAX_SHOWN ? `  and ${open.length - MAX_SHOWN} more\n` : ''
  const config = join(folder, 'interdict.yaml')
  const found = [...errors, ...warnings.map(({ message }) => ({ message: `warning: ${message}` }))]
  return `Wrote settings: ${config}
Wrote rules: ${join(folder, 'rules')}
Wrote what became of each setting: ${join(folder, 'migration.txt')}

${server}: ${migration.count('carried')} settings carried over, ${migration.count('unneeded')} not needed, ${migration.count('open')} to do
${open.length === 0 ? '' : `\nTo do:\n${shown.join('')}${more}`}${found.length === 0 ? '' : `\n${found.map(({ message }) => `${message}\n`).join('')}`}
${errors.length === 0 ? 'The rules have no errors.' : 'The rules have errors: repair them before you start.'} Next:
  interdict lists update -c ${config}
  interdict check -c ${config}
  interdict serve -c ${config}
`
}

/** The same as data. */
export function migrationReport(migration: Migration): object {
  const { server, directives } = migration
  const settings = Object.fromEntries(
    (['carried', 'unneeded', 'open'] as const).map(outcome => [outcome, migration.count(outcome)])
  )
  return { server, settings, directives }
}
