import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { MAX_SECRET_FILE, readBoundedFileSync } from '../../../base/files/bounded-file.js'
import { readPublicKey } from '../../../base/files/ed25519.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { systemClock } from '../../../base/time/clock.js'
import { failure, InterdictError } from '../../../base/errors/error.js'
import type { Config } from '../../../gateway/config/config.js'
import { hubKeys } from '../../args/hub-keys.js'
import type { ChainConfig } from '../../../lookups/settings/query-log-config.js'
import { CHAIN_FILE } from '../../../lookups/chain/chain-entry.js'
import { readSignKey } from '../../../lookups/chain/sign-key.js'
import { verifyLog } from '../../../lookups/chain/verify.js'
import { readHeldReceipts, type HeldReceipt } from '../../../lookups/witness/external-receipts.js'
import {
  verifyWitness,
  withWitness,
  type WitnessedVerification,
  type WitnessSources
} from '../../../lookups/witness/verify-witness.js'
import { readCertificates } from '../../../wire/pki/time-stamp.js'
import { LogLayout } from '../../../lookups/files/log-layout.js'
import type { Fact } from '../../../analysis/report/report.js'
import { logPath, type LogOptions } from '../../args/log-path.js'
import { parseTrustedKeys } from '../../args/trust-option.js'
import { loadSettings, type CommonOptions } from '../../args/settings.js'
import { EXIT, usageError } from '../../exit.js'
import { print, printJson, type Io } from '../../io.js'
import { verificationFact, verificationLines } from '../../output/log/verification-text.js'

/** What receipts are verified with, unless it is in the settings. */
export interface WitnessOptions {
  readonly tsaCa?: string
  /** Public keys of the hub of a fleet, or files with them. */
  readonly hubKey?: readonly string[]
}

export interface VerifyLogOptions extends CommonOptions, WitnessOptions {
  readonly trust?: readonly string[]
  readonly expect?: string
  readonly json?: boolean
  /** Files of receipts that others hold. */
  readonly witness?: readonly string[]
}

const SHA256 = /^[0-9a-f]{64}$/

/**
 * `interdict verify-log`: whether the query log files are unaltered.
 *
 * @throws InterdictError BUNDLE_TRUST, CHAIN_KEY, CHAIN_READ, WITNESS_CA
 */
export async function verifyLogFiles(
  log: string | undefined,
  options: VerifyLogOptions,
  io: Io
): Promise<number> {
  const { trust, expect, json } = options
  if (expect !== undefined && !SHA256.test(expect))
    usageError(`--expect: ${expect} is not a SHA-256 in 64 hexadecimal digits`)
  const path = await logPath({ ...options, ...(log === undefined ? {} : { log }) })
  const chain = join(dirname(path), CHAIN_FILE)
  // A wrong path says nothing about a log. The chain may be there without the current log file.
  const required = log ?? dirname(path)
  if (!existsSync(required) && !existsSync(chain))
    throw failure('CHAIN_READ', required, 'no such file or folder')
  const trusted = trust && (await parseTrustedKeys(trust)).map(key => readPublicKey(key)!)
  const config = trusted === undefined ? await loadSettings(options) : undefined
  const queries = config?.log.queries
  const keys = trusted ?? chainKeys(queries?.chain)
  if (keys.length === 0 && !existsSync(chain))
    throw failure('CHAIN_READ', chain, 'no such file; log.queries.chain records one')
  if (keys.length === 0)
    usageError('--trust: give the public key, because log.queries.chain.sign-key is not set')
  const trustedWitnesses = await witnessTrust(options, config)
  const result = await verifyLog(new LogLayout(path), keys, expect)
  const witness = verifyWitness(dirname(path), {
    ...trustedWitnesses,
    held: (options.witness ?? []).flatMap(readHeld),
    now: systemClock.wall()
  })
  const found = withWitness(result, witness)
  // Version 1 of the public JSON has it by both names.
  if (json === true) printJson(io, { chain, ...found, ordered: result.manualRemovals })
  else print(io, `${verificationLines(chain, found, io.stdout.columns).join('\n')}\n`)
  return found.proven ? EXIT.success : EXIT.failure
}

/** @param config undefined: without settings @throws InterdictError BUNDLE_TRUST, WITNESS_CA, and as `readRoot` */
export async function witnessTrust(
  { tsaCa, hubKey }: WitnessOptions,
  config: Config | undefined
): Promise<Pick<WitnessSources, 'authorities' | 'hubKeys'>> {
  const caFile = tsaCa ?? config?.log.queries.witness?.tsa?.caFile
  const configured = config === undefined ? [] : await hubKeys(config)
  const keys = hubKey === undefined ? configured : await parseTrustedKeys(hubKey)
  return {
    authorities: caFile === undefined ? undefined : readAuthorities(caFile),
    hubKeys: keys.map(key => readPublicKey(key)!)
  }
}

/** @throws InterdictError WITNESS_CA */
function readAuthorities(file: string): readonly X509Certificate[] {
  try {
    return readCertificates(readBoundedFileSync(file, MAX_SECRET_FILE).toString())
  } catch (error) {
    throw failure('WITNESS_CA', file, reasonOf(error, file))
  }
}

/** What a file has of the chain. It is a mistake to give one that has nothing. */
export function readHeld(file: string): readonly HeldReceipt[] {
  let held: readonly HeldReceipt[]
  try {
    held = readHeldReceipts(readFileSync(file))
  } catch (error) {
    return usageError(`--witness: cannot read ${file}: ${reasonOf(error, file)}`)
  }
  return held.length > 0 ? held : usageError(`--witness: ${file} has nothing of a chain`)
}

/** Keys whose signatures count, the current one first. @throws InterdictError CHAIN_KEY */
function chainKeys(chain: ChainConfig | undefined): readonly KeyObject[] {
  if (chain === undefined) return []
  const earlier = chain.earlierKeys.flatMap(text => readPublicKey(text) ?? [])
  return [createPublicKey(readSignKey(chain.signKey)), ...earlier]
}

/** Of the fact in reports. */
export const LOG_FACT = 'Query log'

/** Whether the query log is unaltered, as evidence in a report. */
export async function verificationForReport(options: LogOptions): Promise<Fact> {
  return verificationAsFact(await verifyConfiguredLog(options))
}

export function verificationAsFact(found: WitnessedVerification | string): Fact {
  return [LOG_FACT, ...(typeof found === 'string' ? [found] : verificationFact(found))]
}

/** @returns why the log cannot be verified, if so */
export async function verifyConfiguredLog(
  options: LogOptions
): Promise<WitnessedVerification | string> {
  if (options.fleet !== undefined) return 'not verified: use verify-log --fleet'
  const config = await loadSettings(options)
  const { chain } = config.log.queries
  if (chain === undefined) return 'not verified: log.queries.chain is not set'
  try {
    const path = await logPath(options)
    const result = await verifyLog(new LogLayout(path), chainKeys(chain))
    const sources = { ...(await witnessTrust({}, config)), held: [] }
    return withWitness(result, verifyWitness(dirname(path), sources))
  } catch (error) {
    if (error instanceof InterdictError) return `not verified: ${error.message}`
    throw error
  }
}
