import { writeFileSync } from 'node:fs'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { writeFileAtomic } from '../../../base/files/atomic-file.js'
import type { PublicKey } from '../../../base/files/ed25519.js'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { showInstant } from '../../../base/time/instant.js'
import type { Seconds } from '../../../base/units.js'
import { readPrivateKey } from '../../../sources/bundle/signatures.js'
import { checkNext, countSigners } from '../../../sources/root/accept-root.js'
import { firstRoot, nextRoot, withRootSignatures } from '../../../sources/root/change-root.js'
import { readRootFile } from '../../../sources/root/root-store.js'
import {
  decodeRoots,
  encodeRoot,
  newestRoot,
  ROLES,
  rootLine,
  type Role,
  type Root,
  type SignedRoot
} from '../../../sources/root/root.js'
import { parseWholeNumber } from '../../args/parse.js'
import { parseTrustedKeys } from '../../args/trust-option.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'

const DAY: Seconds = 86_400
const MAX_DAYS = 36_500
const MAX_THRESHOLD = 16

interface CommonRootOptions {
  readonly key?: readonly string[]
  readonly json?: boolean
}

export interface InitRootOptions extends CommonRootOptions {
  readonly rootKey: readonly string[]
  readonly bundleKey: readonly string[]
  readonly mandateKey?: readonly string[]
  readonly hubKey?: readonly string[]
  readonly rootSignatures: string
  readonly signatures: string
  readonly days: string
}

/** `interdict root init FILE`: the first root. @throws InterdictError ROOT_CHANGE, ROOT_WRITE, BUNDLE_TRUST, BUNDLE_KEY */
export async function initRoot(file: string, options: InitRootOptions, io: Io): Promise<number> {
  const { mandateKey = [], hubKey = [] } = options
  const [root, bundle, mandate, hub] = await Promise.all([
    parseTrustedKeys(options.rootKey, '--root-key'),
    parseTrustedKeys(options.bundleKey, '--bundle-key'),
    optionalKeys(mandateKey, '--mandate-key'),
    optionalKeys(hubKey, '--hub-key')
  ])
  const thresholds = {
    root: parseThreshold('--root-signatures', options.rootSignatures),
    bundle: parseThreshold('--signatures', options.signatures)
  }
  const made = firstRoot(
    {
      root: { keys: root, threshold: thresholds.root },
      bundle: { keys: bundle, threshold: thresholds.bundle },
      mandate: { keys: mandate, threshold: 1 },
      hub: { keys: hub, threshold: 1 }
    },
    expiryOf(options)
  )
  return writeNew(file, made, undefined, options, io)
}

export interface ChangeRootOptions extends CommonRootOptions {
  readonly output: string
  readonly add?: readonly string[]
  readonly revoke?: readonly string[]
  readonly threshold?: readonly string[]
  /** True: from now on. */
  readonly resetSerials?: string | boolean
  readonly days: string
}

/** `interdict root change FILE -o NEXT`: the next version. @throws InterdictError as `initRoot`, and `decodeRoots` */
export async function changeRoot(
  file: string,
  options: ChangeRootOptions,
  io: Io
): Promise<number> {
  const { add = [], revoke = [], threshold = [], resetSerials } = options
  const { root } = newestRoot(await readRootFile(file), file)
  const added = await Promise.all(
    add.map(async text => {
      const [role, value] = parsePair('--add', text)
      return (await parseTrustedKeys([value], '--add')).map(key => ({ role, key }))
    })
  )
  const next = nextRoot(root, {
    expires: expiryOf(options),
    add: added.flat(),
    revoke: await optionalKeys(revoke, '--revoke'),
    thresholds: threshold.map(text => {
      const [role, value] = parsePair('--threshold', text)
      return { role, threshold: parseThreshold('--threshold', value) }
    }),
    serialsFrom: serialOf(resetSerials)
  })
  return writeNew(options.output, next, root, options, io)
}

/** `interdict root sign FILE`: adds signatures to the newest root of a file. @throws InterdictError as `changeRoot` */
export async function signRoot(
  file: string,
  { key = [], json }: CommonRootOptions,
  io: Io
): Promise<number> {
  const all = decodeRoots(await readRootFile(file), file)
  const keys = await Promise.all(key.map(readPrivateKey))
  const signed = [...all.slice(0, -1), withRootSignatures(all.at(-1)!, keys)]
  const text = signed.map(encodeRoot).join('')
  try {
    writeFileAtomic(file, text)
  } catch (error) {
    throw failure('ROOT_WRITE', file, reasonOf(error))
  }
  printRoot(file, newestRoot(Buffer.from(text), file), undefined, json, io)
  return EXIT.success
}

/**
 * `interdict root show FILE`: keys and signatures of the newest root of a file; with `--after`, whether gateways with that root
 * accept it.
 *
 * @throws InterdictError as `decodeRoots`, ROOT_VERSION, ROOT_UNSIGNED
 */
export async function showRoot(
  file: string,
  { after, json }: { readonly after?: string; readonly json?: boolean },
  io: Io
): Promise<number> {
  const signed = newestRoot(await readRootFile(file), file)
  const before = after === undefined ? undefined : newestRoot(await readRootFile(after), after).root
  if (before !== undefined) checkNext(before, signed, file)
  printRoot(file, signed, before, json, io)
  return EXIT.success
}

/** Writes a root to a file that does not exist yet: another may wait there for signatures. */
async function writeNew(
  file: string,
  root: Root,
  before: Root | undefined,
  { key = [], json }: CommonRootOptions,
  io: Io
): Promise<number> {
  const keys = await Promise.all(key.map(readPrivateKey))
  const text = encodeRoot(withRootSignatures({ line: rootLine(root), signatures: [] }, keys))
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (error) {
    throw failure('ROOT_WRITE', file, reasonOf(error))
  }
  printRoot(file, newestRoot(Buffer.from(text), file), before, json, io)
  return EXIT.success
}

function printRoot(
  file: string,
  { root, signers }: SignedRoot,
  before: Root | undefined,
  json: boolean | undefined,
  io: Io
): void {
  const { version, expires, roles, serials } = root
  const missing = [before, root].flatMap(one => {
    if (one === undefined) return []
    const { keys, threshold } = one.roles.root
    const found = countSigners(signers, one.roles.root)
    return found >= threshold ? [] : [{ version: one.version, found, threshold, keys }]
  })
  if (json === true) {
    const shown = {
      version,
      expires: showInstant(expires, 'UTC'),
      roles,
      serials,
      signers,
      missing
    }
    return printJson(io, shown)
  }
  const reset =
    serials.since === 0 ? [] : [`serials: from ${serials.from}, reset by version ${serials.since}`]
  const lines = [
    file,
    `root of trust ${version}, expires ${showInstant(expires, 'UTC')}`,
    ...ROLES.flatMap(role => {
      const { keys, threshold } = roles[role]
      if (keys.length === 0) return [`${role}: nobody`]
      return [`${role}: ${threshold} of ${keys.length}`, ...keys.map(key => `  ${key}`)]
    }),
    ...reset,
    ...(signers.length === 0 ? ['not signed'] : signers.map(key => `signed by ${key}`)),
    ...missing.map(
      one =>
        `incomplete: ${one.found} of ${one.threshold} signatures by the root keys of version ${one.version}`
    )
  ]
  print(io, `${lines.join('\n')}\n`)
}

const optionalKeys = (values: readonly string[], option: string): Promise<readonly PublicKey[]> =>
  values.length === 0 ? Promise.resolve([]) : parseTrustedKeys(values, option)

/** `ROLE=VALUE` */
function parsePair(option: string, text: string): readonly [Role, string] {
  const at = text.indexOf('=')
  const role = ROLES.find(one => one === text.slice(0, at))
  if (at < 1 || role === undefined)
    usageError(`${option}: expected ROLE=VALUE with a role of ${ROLES.join(', ')}, found ${text}`)
  return [role, text.slice(at + 1)]
}

const parseThreshold = (option: string, text: string): number =>
  parseWholeNumber(option, text, { min: 1, max: MAX_THRESHOLD })

function serialOf(given: string | boolean | undefined): number | undefined {
  if (given === undefined || given === false) return undefined
  if (given === true) return epochSeconds(systemClock)
  return parseWholeNumber('--reset-serials', given, { min: 1, max: Number.MAX_SAFE_INTEGER })
}

function expiryOf({ days }: { readonly days: string }): Seconds {
  const count = parseWholeNumber('--days', days, { min: 1, max: MAX_DAYS })
  return epochSeconds(systemClock) + count * DAY
}
