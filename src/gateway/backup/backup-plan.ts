import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CHAIN_FILE } from '../../lookups/chain/chain-entry.js'
import { allFiles, LogLayout } from '../../lookups/files/log-layout.js'
import { WITNESS_FILE } from '../../lookups/witness/receipts.js'
import { settingsPaths, type SettingsPath } from './settings-paths.js'

/** What a backup contains besides the settings, rules, state and secrets. */
export interface BackupParts {
  /** Lookups: the query log with its archive. */
  readonly queryLog: boolean
  /** Keys that show which client a pseudonym stands for. */
  readonly pseudonymKeys: boolean
}

/** A place that a backup reads from, and a restore writes to. */
export interface Place {
  readonly kind: 'file' | 'folder' | 'log'
  /** Absolute. */
  readonly path: string
  readonly key: string
}

/** All places of a gateway, by its settings. */
export interface GatewayPlaces {
  readonly settings: string
  readonly state: string
  readonly rules: readonly string[]
  readonly places: readonly Place[]
  /** Folder of pseudonym keys. */
  readonly keys: string
  /** The query log, which is written to. */
  readonly logFile: string
}

/** Names directly in the state folder that are fetched or created again. */
const TRANSIENT = ['lists', 'zones', 'outputs', 'exports', 'witness.json']
export const isTransient = (name: string): boolean =>
  TRANSIENT.includes(name) || name.startsWith('candidate-')
/** Files that another process is writing, locks, version control, and what an earlier restore put aside. */
const UNFINISHED = /\.half$|^\.git$|^\.replaced-|\.replaced-\d|^interdict\.lock/
const isUnfinished = (_path: string, name: string): boolean => UNFINISHED.test(name)

/** @param settings as the YAML file has them, valid */
export function gatewayPlaces(settings: unknown, file: string): GatewayPlaces {
  const all = settingsPaths(settings, file)
  const ofKey = (key: string): string => all.find(one => one.key === key)!.path
  const rules = all.filter(({ key }) => key === 'rules' || key === 'rules.folder')
  return {
    settings: file,
    state: ofKey('state.folder'),
    rules: rules.map(({ path }) => path),
    keys: ofKey('log.queries.privacy.keys'),
    logFile: ofKey('log.queries.file'),
    places: [{ kind: 'file', path: file, key: '' }, ...all.flatMap(placeOf)]
  }
}

function placeOf({ kind, path, key }: SettingsPath): Place[] {
  if (kind === 'other') return []
  if (kind === 'keys') return [{ kind: 'folder', path, key }]
  return [{ kind, path: kind === 'log' ? dirname(path) : path, key }]
}

export interface BackupPlan {
  /** The settings file first; each once. */
  readonly paths: readonly string[]
  readonly missing: readonly { readonly key: string; readonly path: string }[]
}

/** Lists what a backup contains. Throws the system's error if a folder cannot be read. */
export function planBackup(gateway: GatewayPlaces, parts: BackupParts): BackupPlan {
  const { places, keys, settings } = gateway
  const skip = skipped(gateway)
  const paths = new Set([settings])
  const missing: { key: string; path: string }[] = []
  const add = (found: readonly string[]): void => found.forEach(one => paths.add(one))
  for (const { kind, path, key } of places) {
    if (kind === 'log') add(logFiles(gateway, parts))
    else if (path === keys) add(parts.pseudonymKeys ? filesBelow(path, isUnfinished) : [])
    else if (kind === 'folder') add(filesBelow(path, skip))
    else if (existsSync(path)) paths.add(path)
    else missing.push({ key, path })
  }
  return { paths: [...paths], missing }
}

/** Tells what to leave out of folders: the query log and keys have options of their own. */
function skipped({ state, keys, logFile }: GatewayPlaces): (path: string, name: string) => boolean {
  const layout = new LogLayout(logFile)
  const logs = new Set([logFile, ...allFiles(layout).map(name => join(layout.folder, name))])
  const folders = [keys, layout.folder, layout.archiveFolder]
  return (path, name) =>
    isUnfinished(path, name) ||
    folders.includes(path) ||
    logs.has(path) ||
    (dirname(path) === state && isTransient(name))
}

/** Files of the query log that exist. The chain has no lookups, and goes on after a restore. */
function logFiles({ logFile }: GatewayPlaces, { queryLog }: BackupParts): string[] {
  const layout = new LogLayout(logFile)
  const lookups = queryLog ? [layout.liveName, ...allFiles(layout)] : []
  const names = [CHAIN_FILE, WITNESS_FILE, ...lookups]
  return names.map(name => join(layout.folder, name)).filter(path => existsSync(path))
}

/** Regular files below a folder, through symbolic links. None if it does not exist. */
function filesBelow(
  folder: string,
  skip: (path: string, name: string) => boolean,
  above: readonly string[] = []
): string[] {
  if (!existsSync(folder)) return []
  const real = realpathSync(folder)
  // A link that leads to a folder above it.
  if (above.includes(real)) return []
  return readdirSync(folder)
    .sort()
    .flatMap(name => {
      const path = join(folder, name)
      if (skip(path, name)) return []
      const stats = statSync(path, { throwIfNoEntry: false })
      if (stats?.isDirectory() === true) return filesBelow(path, skip, [...above, real])
      return stats?.isFile() === true ? [path] : []
    })
}

/** Whether anything has this path, be it a link that leads nowhere. */
export const isTaken = (path: string): boolean =>
  lstatSync(path, { throwIfNoEntry: false }) !== undefined
