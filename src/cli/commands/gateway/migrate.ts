import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { createParentFolder } from '../../../base/files/parent-folder.js'
import { packagePath } from '../../../base/package.js'
import { migrate as readServer, type ServerKind } from '../../../sources/migrate/detect-server.js'
import type { Migration } from '../../../sources/migrate/draft/migration.js'
import { networksText, settingsText } from '../../../sources/migrate/write-migration.js'
import { readEndpoint } from '../../../wire/sockets/endpoint.js'
import { parseArgument } from '../../args/parse.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { migrationReport, migrationText } from '../../output/rules/migration-text.js'
import { SERVERS } from '../../output/rules/server-kinds.js'
import { performCheck } from '../rules/check.js'

export interface MigrateOptions {
  readonly kind?: string
  readonly listen?: readonly string[]
  readonly json?: boolean
}

const [SETTINGS, RULES, REPORT, KEYS] = ['interdict.yaml', 'rules', 'migration.txt', 'keys']

/**
 * `interdict migrate`: converts the settings of another DNS server into settings and rules in a folder that has none, and a
 * report of what became of each setting. The exit code is 1 if the rules have errors.
 *
 * @throws InterdictError INIT_EXISTS, INIT_WRITE, MIGRATE_UNREADABLE, MIGRATE_UNKNOWN
 */
export async function migrate(
  source: string,
  folder: string,
  options: MigrateOptions,
  io: Io
): Promise<number> {
  const { kind, listen, json = false } = options
  if (kind !== undefined && !(SERVERS as readonly string[]).includes(kind))
    usageError(`--kind: expected ${SERVERS.join(', ')}`)
  for (const one of listen ?? []) parseArgument('--listen', () => readEndpoint(one))
  const existing = [SETTINGS, RULES, REPORT, KEYS].filter(name => existsSync(join(folder, name)))
  if (existing.length > 0) throw failure('INIT_EXISTS', folder, existing.join(' and '))
  const migration = readServer(source, kind as ServerKind | undefined)
  write(folder, migration, listen)
  const checked = await performCheck({}, { config: join(folder, SETTINGS) })
  if (json)
    printJson(io, {
      ...migrationReport(migration),
      folder,
      errors: checked.errors,
      warnings: checked.warnings
    })
  else print(io, migrationText(migration, folder, checked))
  return checked.errors.length === 0 ? EXIT.success : EXIT.failure
}

/** Writes everything, or nothing. */
function write(folder: string, migration: Migration, listen: readonly string[] | undefined): void {
  const rules = join(folder, RULES)
  try {
    for (const part of ['apps', 'evidence.yaml', 'safe-search']) {
      const target = join(rules, part)
      createParentFolder(target)
      cpSync(join(packagePath(RULES), part), target, { recursive: true })
    }
    for (const [path, content] of migration.files) writeTo(join(rules, path), content)
    for (const [path, content] of migration.secrets) writeTo(join(folder, path), content, 0o600)
    writeTo(join(rules, 'networks.yaml'), networksText(migration))
    writeTo(join(folder, REPORT), reportFile(migration))
    writeTo(join(folder, SETTINGS), settingsText(migration, listen))
  } catch (error) {
    for (const part of [rules, join(folder, KEYS), join(folder, REPORT)])
      rmSync(part, { recursive: true, force: true })
    throw failure('INIT_WRITE', folder, reasonOf(error, folder))
  }
}

function writeTo(path: string, content: string | Uint8Array, mode = 0o644): void {
  createParentFolder(path)
  writeFileAtomic(path, content, { mode })
}

/** Every setting of the other server, with what became of it. */
function reportFile({ server, directives }: Migration): string {
  const titles = { open: 'To do', carried: 'Carried over', unneeded: 'Not needed' } as const
  const part = (outcome: keyof typeof titles): string => {
    const lines = directives
      .filter(it => it.outcome === outcome)
      .map(
        ({ file, line, text, note }) =>
          `${file}:${line}: ${text}${note === '' ? '' : `\n    ${note}`}\n`
      )
    return `${titles[outcome]}\n\n${lines.join('')}`
  }
  return `What became of the settings of ${server}\n\n${(['open', 'carried', 'unneeded'] as const).map(part).join('\n')}`
}
