import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { systemClock } from '../../base/time/clock.js'
import type { Config } from '../../gateway/config/config.js'
import { configuredFiles } from '../../gateway/compiler/configured-files.js'
import { escapeControls } from '../../base/log/terminal-line.js'
import { loadRules, type RulesResult } from '../../policy/rules/load.js'
import { RulesFolder, type RuleFiles } from '../../policy/rules/model/folder.js'
import { BundleFiles } from '../../sources/bundle/bundle-files.js'
import { decodeBundle, readBundleFile } from '../../sources/bundle/bundle.js'
import { rulesLocation } from '../../gateway/compiler/rules-location.js'
import { StoredFiles } from '../../policy/history/stored-files.js'
import type { Io } from '../io.js'
import { findVersion, openHistory } from './find-version.js'

/** Loads the configured rules, with the copies of lists that exist. Rejected bundles are warnings. */
export async function loadConfiguredRules(
  config: Config,
  io: Io
): Promise<{ readonly loaded: RulesResult; readonly files: RuleFiles | undefined }> {
  const { files: candidates, rejected } = await configuredFiles(config)
  const errors = [...rejected]
  for (const files of candidates) {
    const loaded = await loadRules(files, systemClock)
    if (loaded.ok) {
      for (const { code, message } of errors)
        io.stderr.write(`warning: ${escapeControls(message)} (${code})\n`)
      return { loaded, files }
    }
    errors.push(...loaded.errors)
  }
  return { loaded: { ok: false, errors, files: [], isTransient: false }, files: undefined }
}

/** A version of the history, in place of a path. */
const VERSION = /^(@.+|[0-9a-f]{8,64})$/i

/**
 * The rules at a path: a folder, or a bundle file; or a version of the history, see `findVersion`. The signatures of a bundle must be valid, whoever
 * made them.
 *
 * @param copies folder of the copies of downloaded lists
 * @param outside other folders in which files of the rules may be; empty if somebody else wrote them
 * @param config where versions are looked for; undefined: nowhere
 * @param asnDatabase undefined: the rules may name no ASNs
 * @throws InterdictError as `readBundleFile`, `decodeBundle` and `findVersion`
 */
export async function ruleFilesAt(
  path: string,
  copies: string,
  outside: readonly string[],
  config?: Config,
  asnDatabase = config?.asnDatabase
): Promise<RuleFiles> {
  const stats = await stat(path).catch(() => undefined)
  if (stats === undefined && config !== undefined && VERSION.test(path))
    return versionFiles(path, config)
  if (stats?.isFile() !== true) return new RulesFolder(path, { copies, outside, asnDatabase })
  const bundle = await decodeBundle(await readBundleFile(path, path), path)
  const { serial, created, expires } = bundle.manifest
  const facts = { serial, created, expires, newest: serial, rollback: undefined }
  return new BundleFiles(bundle, {
    path: resolve(path),
    prefix: `${path}:`,
    copies,
    facts,
    asnDatabase
  })
}

/** Content that is not stored is an error of the rules. */
async function versionFiles(text: string, config: Config): Promise<RuleFiles> {
  const { version } = findVersion(await openHistory(config), text)
  const { folder, copiesFolder: copies, outside } = rulesLocation(config)
  return new StoredFiles(version, { folder, copies, outside })
}
