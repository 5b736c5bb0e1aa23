import { readBoundedFile } from '../../../base/files/bounded-file.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import { failure, failureAt, type InterdictError } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import type { PublicKey } from '../../../base/files/ed25519.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { showEnd, showInstant } from '../../../base/time/instant.js'
import { loadRules } from '../../../policy/rules/load.js'
import { evaluateMandates } from '../../../policy/rules/mandates/evaluate-mandates.js'
import type { Mandate } from '../../../policy/rules/mandates/mandate.js'
import { readMandate } from '../../../policy/rules/mandates/read-mandate.js'
import { shortfallErrors } from '../../../policy/rules/mandates/shortfall-errors.js'
import { withMandateSignature } from '../../../policy/rules/mandates/signed-text.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { mandatesSource } from '../../../gateway/compiler/rules-location.js'
import { readTrustedKeys } from '../../../sources/bundle/read-trust.js'
import { MAX_MANDATE } from '../../../sources/mandates/mandate-store.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { parseTrustedKeys } from '../../args/trust-option.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { formatCount } from '../../output/format.js'
import { errorLine } from '../../output/rules/check-text.js'
import { filesToCheck } from './check.js'

/** `interdict mandate sign`: adds a signature to a valid mandate. */
export async function signMandate(
  path: string,
  { key, json }: { readonly key: string; readonly json?: boolean },
  io: Io
): Promise<number> {
  const octets = withMandateSignature(await readFile(path), await readPrivateKey(key))
  const result = readMandate(octets, path, undefined, epochSeconds(systemClock))
  if (!result.ok) return rejectInput(result.errors)
  try {
    writeFileAtomic(path, octets)
  } catch (error) {
    throw failure('CLI_OUTPUT', path, reasonOf(error))
  }
  printMandate({ mandate: result.mandate, warnings: result.warnings, shortfalls: [] }, json, io)
  return EXIT.success
}

interface CheckOptions extends CommonOptions {
  readonly trust?: readonly string[]
  /** False: none. */
  readonly rules?: string | boolean
  readonly json?: boolean
}

/** `interdict mandate check`: whether a gateway accepts a mandate, and whether rules satisfy it. */
export async function checkMandate(path: string, options: CheckOptions, io: Io): Promise<number> {
  const now = epochSeconds(systemClock)
  const trusted = await trustedKeys(options)
  const result = readMandate(await readFile(path), path, trusted, now)
  if (!result.ok) return rejectInput(result.errors)
  const { mandate, warnings } = result
  const shortfalls = await shortfallsOf(mandate, options)
  printMandate({ mandate, warnings, shortfalls }, options.json, io)
  return shortfalls.length === 0 ? EXIT.success : EXIT.failure
}

async function trustedKeys(options: CheckOptions): Promise<readonly PublicKey[]> {
  if (options.trust !== undefined) return parseTrustedKeys(options.trust)
  const mandates = mandatesSource(await loadSettings(options))
  if (mandates === undefined)
    usageError('--trust: expected public keys, since the settings have no rules.mandates')
  return (await readTrustedKeys({ ...mandates, signatures: 1 })).keys
}

async function shortfallsOf(
  mandate: Mandate,
  options: CheckOptions
): Promise<readonly InterdictError[]> {
  const { rules } = options
  if (rules === false) return []
  const path = typeof rules === 'string' ? rules : undefined
  const { files, rejected } = await filesToCheck(path, await loadSettings(options))
  if (files === undefined) return rejectInput(rejected)
  const loaded = await loadRules(files)
  if (!loaded.ok) return rejectInput(loaded.errors)
  const now = epochSeconds(systemClock)
  const { shortfalls } = evaluateMandates([mandate], loaded.rules, now, {})
  return shortfallErrors(shortfalls).map(({ error }) => error)
}

async function readFile(path: string): Promise<Uint8Array> {
  try {
    return await readBoundedFile(path, MAX_MANDATE)
  } catch (error) {
    const position = { file: path, line: 1, column: 1 }
    throw failureAt(position, 'MANDATE_UNREADABLE', path, reasonOf(error))
  }
}

interface Printed {
  readonly mandate: Mandate
  readonly warnings: readonly InterdictError[]
  readonly shortfalls: readonly InterdictError[]
}

function printMandate(
  { mandate, warnings, shortfalls }: Printed,
  json: boolean | undefined,
  io: Io
): void {
  const { id, issued, authority, reference, sha256, signers, timeZone, bans } = mandate
  const time = showInstant(issued, timeZone)
  if (json === true) {
    const shown = { mandate: id, issued: time, authority, reference, sha256, signers }
    const errors = shortfalls.map(({ code, message }) => ({ code, message }))
    const found = warnings.map(({ code, message }) => ({ code, message }))
    printJson(io, { ...shown, bans: bans.length, warnings: found, shortfalls: errors })
    return
  }
  const lines = [
    `mandate ${id}, issued ${time} by ${authority}: ${reference}`,
    bans.length === 0 ? 'withdrawn: it has no bans' : bans.map(ban => banLine(ban, timeZone)),
    `SHA-256 ${sha256}`,
    ...signers.map(key => `signed by ${key}`),
    ...warnings.map(warning => `warning: ${errorLine(warning)}`),
    ...shortfalls.map(errorLine),
    ...(shortfalls.length === 0 ? [] : [formatCount(shortfalls.length, 'shortfall')])
  ]
  print(io, `${lines.flat().join('\n')}\n`)
}

/** `bans app tiktok in all networks, last day 2026-12-31` */
function banLine(
  { apps, names, networks, prefixes, from, until, allowsExceptions }: Mandate['bans'][number],
  zone: string
): string {
  const what = [...apps.map(({ value }) => `app ${value}`), formatNames(names.length)]
  const where = networks === 'all' ? ['all networks'] : networks.map(({ value }) => value)
  const clients = prefixes.length === 0 ? [] : [formatCount(prefixes.length, 'prefix', 'prefixes')]
  return [
    `bans ${what.filter(text => text !== '').join(', ')} in ${[...where, ...clients].join(', ')}`,
    ...(Number.isFinite(from) ? [`from ${showInstant(from, zone)}`] : []),
    ...(Number.isFinite(until) ? [showEnd(until, zone)] : []),
    ...(allowsExceptions ? ['with exceptions'] : [])
  ].join(', ')
}

const formatNames = (count: number): string => (count === 0 ? '' : formatCount(count, 'name'))
