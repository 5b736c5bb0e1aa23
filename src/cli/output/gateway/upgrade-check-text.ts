import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { SettingsChanges } from '../../../gateway/config/settings-changes.js'
import { formatCount } from '../format.js'

/** The result of `interdict upgrade-check`; its JSON form is public. */
export interface UpgradeReport {
  /** Of this program, and of its Node. */
  readonly version: string
  readonly node: string
  /** The running gateway; null: none answers. */
  readonly running: { readonly version: string; readonly transport: string } | null
  readonly errors: readonly SerializedError[]
  readonly warnings: readonly SerializedError[]
  /** Null: compared with no other version. */
  readonly settings: SettingsChanges | null
  /** Apps of this version whose names differ from the installed ones, or that are not installed. */
  readonly apps: readonly AppChange[]
}

export interface AppChange {
  readonly id: string
  /** Names of this version that the installed app lacks, and the other way round. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly isNew: boolean
}

/** More names of an app are only counted. */
const MAX_NAMES = 5

export function toText({
  version,
  node,
  running,
  errors,
  warnings,
  settings,
  apps
}: UpgradeReport): string {
  const lines = [
    `This program: Interdict ${version}, Node ${node}`,
    `Running gateway: ${running === null ? 'none answers at the admin socket' : running.version}`,
    ...warnings.map(({ code, message }) => `warning: ${escapeControls(message)} (${code})`),
    ...errors.map(({ code, message }) => `${escapeControls(message)} (${code})`),
    ...(settings === null ? [] : settingsLines(settings)),
    ...apps.map(appLine)
  ]
  if (errors.length > 0) lines.push(`${formatCount(errors.length, 'error')}: do not upgrade yet`)
  else lines.push(`no errors; ${nextStep(running)}`)
  return `${lines.join('\n')}\n`
}

function nextStep(running: UpgradeReport['running']): string {
  if (running === null) return 'install this version, and start it'
  return running.transport === 'batch'
    ? 'install this version, and run interdict upgrade'
    : 'install this version, and restart the gateway: portable sockets cannot be handed over'
}

function settingsLines({ added, removed, changed }: SettingsChanges): string[] {
  return [
    ...added.map(key => `setting ${key}: new`),
    ...removed.map(key => `setting ${key}: removed`),
    ...changed.map(
      ({ key, from, to }) => `setting ${key}: the default was ${from}, and is ${to} now`
    )
  ]
}

function appLine({ id, added, removed, isNew }: AppChange): string {
  if (isNew) return `app ${id}: not in your rules, ${formatCount(added.length, 'name')}`
  return `app ${id}: ${[...named('adds', added), ...named('lacks', removed)].join('; ')}`
}

function named(verb: string, names: readonly string[]): string[] {
  if (names.length === 0) return []
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  return [`${verb} ${names.slice(0, MAX_NAMES).join(', ')}${more}`]
}
