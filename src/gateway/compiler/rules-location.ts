import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { BundleConfig, Config } from '../config/config.js'
import type { BundleSource } from '../../sources/bundle/choose-bundle.js'
import type { TrustSettings } from '../../sources/bundle/trusted-keys.js'
import { listCopiesFolder } from '../../sources/http/list-copies.js'
import { rootFolder } from '../../sources/root/root-place.js'
import type { Role } from '../../sources/root/root.js'
import type { MandatesSource } from '../../sources/mandates/mandates-source.js'

/** Where rules are read from. */
export interface RulesLocation {
  /** Undefined: the rules are a bundle. */
  readonly folder: string | undefined
  readonly bundle: BundleSource | undefined
  /** Where copies of downloaded lists are kept. */
  readonly copiesFolder: string
  /** The folder whose changes wait to be applied; undefined: they become active when they are saved. */
  readonly saved?: string | undefined
  /** Other folders in which files of the rules may be. */
  readonly outside: readonly string[]
  /** The ASN database; undefined: the settings name none. */
  readonly asnDatabase?: string | undefined
  /** Undefined: none. */
  readonly mandates?: MandatesSource | undefined
  /** Where mandates were kept, even if the settings name none now; undefined: not looked for. */
  readonly mandatesStore?: string
}

/** Folder of the last good versions of mandates, and of what the rules in force leave open of them. */
export const mandatesFolder = (state: string): string => join(state, 'mandates')

export function mandatesSource(config: Config): MandatesSource | undefined {
  const { mandates, state } = config
  if (mandates === undefined) return undefined
  const { folder, ...keys } = mandates
  const trust = trustOf({ ...keys, signatures: 1 }, state.folder, 'mandate')
  return { folder, ...trust, store: mandatesFolder(state.folder) }
}

/** Trusted keys of bundles; undefined: the rules are a folder. */
export function bundleTrust({ bundle, state }: Config): TrustSettings | undefined {
  return bundle && trustOf(bundle, state.folder, 'bundle')
}

function trustOf(
  { keys, keyFiles, signatures, rootFile: file }: BundleConfig,
  state: string,
  role: Role
): TrustSettings {
  const root = file === undefined ? undefined : { file, folder: rootFolder(state), role }
  return { keys, keyFiles, signatures, root }
}

/** Folder of the copy of the rules that is in force while changes wait to be applied. */
export const appliedFolder = (state: string): string => join(state, 'applied', 'rules')

/**
 * In a file of its own, so that the control thread does not load the code that reads rules (650 kB;
 * 36 ms of a start on one core).
 */
export function rulesLocation(config: Config): RulesLocation {
  const mandatesStore = mandatesFolder(config.state.folder)
  return { ...placeOfRules(config), mandates: mandatesSource(config), mandatesStore }
}

function placeOfRules(config: Config): RulesLocation {
  const { rules: path, activation, state, outsideFolders: outside, asnDatabase } = config
  const trust = bundleTrust(config)
  const copies = listCopiesFolder(state.folder)
  if (trust === undefined) {
    if (activation.activate === 'on-save')
      return { folder: path, bundle: undefined, copiesFolder: copies, outside, asnDatabase }
    const applied = appliedFolder(state.folder)
    const folder = existsSync(applied) ? applied : path
    return { folder, bundle: undefined, copiesFolder: copies, saved: path, outside, asnDatabase }
  }
  const storeFolder = join(state.folder, 'bundles')
  return {
    folder: undefined,
    bundle: { path, trust, storeFolder, copies, asnDatabase },
    copiesFolder: copies,
    outside,
    asnDatabase
  }
}
