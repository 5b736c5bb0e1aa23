import { createHash } from 'node:crypto'
import type { Config } from '../../../gateway/config/config.js'
import { rulesLocation } from '../../../gateway/compiler/rules-location.js'
import type { Activation } from '../../../analysis/evidence/recorded-rules.js'
import type { Gateway } from '../../../analysis/evidence/rule-versions.js'
import type { Version } from '../../../analysis/evidence/rule-segments.js'
import { loadRules } from '../../../policy/rules/load.js'
import type { RuleFiles } from '../../../policy/rules/model/folder.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { SHA256_DIGITS } from '../../../lookups/record/snapshot-fields.js'
import { AcceptedBundles } from '../../../sources/bundle/accepted-bundles.js'
import type { InForce, RulesHistory } from '../../../policy/history/rules-history.js'
import { StoredFiles } from '../../../policy/history/stored-files.js'
import { openHistory } from '../../args/find-version.js'
import { openFleetHistory } from '../../args/fleet-history.js'
import { ruleFilesAt } from '../../args/configured-rules.js'
import { rejectInput } from '../../exit.js'

/** Larger files, which are lists, are in a pack by their digest. */
const MAX_TEXT = 1024 * 1024

/** A file of rules: its text, or what stands for it. */
export interface RuleText {
  readonly sha256: string
  readonly octets: number
  /** Undefined: too large. */
  readonly text: Uint8Array | undefined
}

/** A version of the rules that is at hand. */
export interface KnownVersion {
  readonly rules: RuleSet
  /** Its files, by their names in the rules. */
  readonly texts: ReadonlyMap<string, RuleText>
}

/** Earlier rules. */
export interface RuleHistory {
  /** The rules of the settings. */
  readonly current: KnownVersion
  /** A version that the log names; undefined: it is not at hand. */
  find(version: Version): KnownVersion | undefined
}

/** What the gateways of a pack have recorded: one, or those of a fleet. */
export type StoredHistories = ReadonlyMap<Gateway, RulesHistory>

/** @param fleet the central folder @throws InterdictError HISTORY_READ */
export async function storedHistories(
  config: Config,
  fleet: string | undefined,
  gateways: readonly Gateway[]
): Promise<StoredHistories> {
  const histories = new Map<Gateway, RulesHistory>()
  for (const gateway of gateways) {
    const isOwn = fleet === undefined || gateway === undefined
    const history = isOwn ? openHistory(config) : openFleetHistory(fleet, gateway)
    histories.set(gateway, await history)
  }
  return histories
}

/**
 * The current rules, those of the gateways' histories, the accepted bundles that are still stored, and what the
 * operator has kept.
 *
 * @param current the rules of the settings
 * @param history paths of bundles and rules folders
 * @throws InterdictError RULES_… and as `decodeBundle` for what is in `history`
 */
export async function ruleHistory(
  config: Config,
  current: RuleFiles,
  history: readonly string[],
  stored: StoredHistories,
  versions: readonly Version[]
): Promise<RuleHistory> {
  const now = await load(current)
  const known = [now]
  const { folder, bundle, copiesFolder, outside, asnDatabase } = rulesLocation(config)
  const filesAt = (path: string): Promise<RuleFiles> =>
    ruleFilesAt(path, copiesFolder, outside, undefined, asnDatabase)
  for (const path of history) known.push(await load(await filesAt(path)))
  if (bundle !== undefined) {
    const store = new AcceptedBundles(bundle.storeFolder)
    const needed = new Set(versions.map(({ serial }) => serial))
    for (const { serial } of store.read()?.kept ?? []) {
      if (!needed.has(serial)) continue
      // One that is damaged is declared missing.
      const files = await filesAt(store.pathOf(serial)).catch(() => undefined)
      const loaded = files && (await tryLoad(files))
      if (loaded !== undefined && 'rules' in loaded) known.push(loaded)
    }
  }
  const find: RuleHistory['find'] = ({ sha256, serial }) =>
    known.find(({ rules: { sha256: whole, bundle } }) => {
      // The digest is also of the copies of lists at that time; a serial names one bundle for ever.
      return serial === null ? whole.startsWith(sha256) : bundle?.serial === serial
    })
  for (const version of versions) {
    const kept = find(version) === undefined ? storedVersion(stored, version) : undefined
    const files = kept && new StoredFiles(kept.version, { folder, copies: copiesFolder, outside })
    const loaded = files && (await tryLoad(files))
    if (loaded !== undefined && 'rules' in loaded) known.push(loaded)
  }
  return { current: now, find }
}

/** A version in the history of any gateway. */
function storedVersion(stored: StoredHistories, { sha256 }: Version): InForce | undefined {
  for (const history of stored.values()) {
    const found = history.find(sha256).at(-1)
    if (found !== undefined) return found
  }
  return undefined
}

/** What a history has, for the times without lookups. */
export function activationsOf(history: RulesHistory | undefined): readonly Activation[] {
  return (history?.stretches ?? []).map(({ from: at, event }): Activation => {
    if (!('sha256' in event)) {
      const why = event.event === 'gap' ? { why: `history of rules: ${event.why ?? 'gap'}` } : {}
      return { at, sha256: '', serial: null, ...why }
    }
    const sha256 = event.sha256.slice(0, SHA256_DIGITS)
    const isStart = event.event === 'start'
    return { at, sha256, serial: event.bundle?.serial ?? null, isStart }
  })
}

async function load(files: RuleFiles): Promise<KnownVersion> {
  const loaded = await tryLoad(files)
  return 'errors' in loaded ? rejectInput(loaded.errors) : loaded
}

async function tryLoad(
  files: RuleFiles
): Promise<KnownVersion | { readonly errors: Parameters<typeof rejectInput>[0] }> {
  const texts = new Map<string, RuleText>()
  const loaded = await loadRules(recording(files, texts))
  return loaded.ok ? { rules: loaded.rules, texts } : { errors: loaded.errors }
}

/** The same files, whose contents are recorded as they are read. */
function recording(files: RuleFiles, texts: Map<string, RuleText>): RuleFiles {
  const keep = <R>(name: string, read: R): R => {
    const { octets } = read as { octets?: Uint8Array }
    if (octets === undefined) return read
    const text = octets.length <= MAX_TEXT ? octets.slice() : undefined
    const sha256 = createHash('sha256').update(octets).digest('hex')
    texts.set(name, { sha256, octets: octets.length, text })
    return read
  }
  return new Proxy(files, {
    get: (target, key) => {
      if (key === 'read') return async (name: string) => keep(name, await target.read(name))
      if (key === 'readAtMost')
        return async (name: string, most: number) => keep(name, await target.readAtMost(name, most))
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    }
  })
}
