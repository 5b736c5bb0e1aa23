import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../../../base/errors/error.js'
import { packagePath, packageVersion } from '../../../base/package.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { Config } from '../../../gateway/config/config.js'
import { loadConfig } from '../../../gateway/config/load-settings.js'
import type { StatusReply } from '../../../gateway/status/health.js'
import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { lastLines } from '../../../lookups/files/last-lines.js'
import { SCHEMA_VERSION } from '../../../lookups/event/schema.js'
import { readCatalogue } from '../../../policy/rules/apps/catalogue.js'
import { configuredFiles } from '../../../gateway/compiler/configured-files.js'
import { showPattern } from '../../../policy/rules/model/pattern.js'
import { callGateway, type AdminOptions } from '../../args/call-gateway.js'
import { EXIT } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import {
  toText,
  type AppChange,
  type UpgradeReport
} from '../../output/gateway/upgrade-check-text.js'
import { compareDefaults, type SettingsChanges } from '../../../gateway/config/settings-changes.js'
import { performCheck } from '../rules/check.js'

export interface UpgradeCheckOptions extends AdminOptions {
  readonly previous?: string
  readonly json?: boolean
}

/** `interdict upgrade-check`: whether this program could replace the running gateway, and what would change. */
export async function upgradeCheck(options: UpgradeCheckOptions, io: Io): Promise<number> {
  const settings = options.previous === undefined ? null : settingsSince(options.previous)
  const { errors, warnings } = await performCheck({}, options)
  const loaded = await loadConfig(options.config)
  const config = loaded.ok ? loaded.config : undefined
  const report: UpgradeReport = {
    version: packageVersion(),
    node: process.versions.node,
    running: config === undefined ? null : await runningGateway(options),
    errors: [...errors, ...(config === undefined ? [] : newerLog(config))],
    warnings,
    settings,
    apps: config === undefined ? [] : await appChanges(config)
  }
  if (options.json === true) printJson(io, report)
  else print(io, toText(report))
  return report.errors.length === 0 ? EXIT.success : EXIT.failure
}

async function runningGateway(options: AdminOptions): Promise<UpgradeReport['running']> {
  try {
    const { version, transport } = await callGateway<StatusReply>({ do: 'status' }, options)
    return { version, transport }
  } catch {
    return null
  }
}

/** @throws InterdictError UPGRADE_FROM */
function settingsSince(folder: string): SettingsChanges {
  const path = 'docs/reference/schemas/interdict.schema.json'
  const read = (file: string): object => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as object
    } catch (error) {
      throw failure('UPGRADE_FROM', file, reasonOf(error))
    }
  }
  return compareDefaults(read(join(folder, path)), read(packagePath(path)))
}

/** A query log written by a newer version: this one would leave it as it is, and begin to mix both. */
function newerLog({ log: { queries } }: Config): readonly SerializedError[] {
  const version = loggedVersion(queries.path)
  if (version <= SCHEMA_VERSION) return []
  return [failure('ARCHIVE_NEWER', queries.path, version)]
}

/** The schema version of the last line; 0: there is none. */
function loggedVersion(path: string): number {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return 0
  }
  try {
    const { lines } = lastLines(file, fstatSync(file).size, 1, () => true)
    return (JSON.parse(lines[0] ?? '{}') as { v?: number }).v ?? 0
  } catch {
    return 0
  } finally {
    closeSync(file)
  }
}

async function appChanges(config: Config): Promise<readonly AppChange[]> {
  const shipped = await namesByApp(packagePath('rules'))
  const installed = await installedNames(config)
  return [...shipped].flatMap(([id, names]) => {
    const before = installed.get(id)
    const added = names.filter(name => before?.includes(name) !== true)
    const removed = (before ?? []).filter(name => !names.includes(name))
    const isNew = before === undefined
    return added.length + removed.length > 0 ? [{ id, added, removed, isNew }] : []
  })
}

/** Files that cannot be read are errors of the check. */
async function installedNames(config: Config): Promise<ReadonlyMap<string, readonly string[]>> {
  const { files } = await configuredFiles(config).catch(() => ({ files: [] }))
  return files[0] === undefined ? new Map() : namesByApp(files[0])
}

async function namesByApp(
  place: Parameters<typeof readCatalogue>[0]
): Promise<ReadonlyMap<string, readonly string[]>> {
  const catalogue = await readCatalogue(place)
  if (!catalogue.ok) return new Map()
  return new Map(
    catalogue.apps.map(({ entry }) => [entry.app, entry.names.map(({ name }) => showPattern(name))])
  )
}
