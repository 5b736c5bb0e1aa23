import { createPublicKey, type KeyObject } from 'node:crypto'
import { dirname, join } from 'node:path'
import { readPublicKey } from '../../base/ed25519.js'
import type { ChainConfig } from '../../config/config.js'
import { CHAIN_FILE } from '../../querylog/archive/chain/chain-entry.js'
import { readSignKey } from '../../querylog/archive/chain/sign-key.js'
import { verifyLog } from '../../querylog/archive/chain/verify.js'
import { LogLayout } from '../../querylog/archive/log-layout.js'
import { logPath } from '../args/log-path.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { EXIT, usage } from '../exit.js'
import { print, type Io } from '../io.js'
import { verificationLines } from '../output/verification-text.js'

export interface VerifyLogOptions extends CommonOptions {
  readonly key?: readonly string[]
  readonly expect?: string
  readonly json?: boolean
}

const SHA256 = /^[0-9a-f]{64}$/

/**
 * `interdict verify-log`: whether the files of a query log are what the gateway wrote.
 *
 * @throws InterdictError CHAIN_KEY, CHAIN_READ
 */
export async function verify(
  place: string | undefined,
  options: VerifyLogOptions,
  io: Io
): Promise<number> {
  const { key, expect, json } = options
  if (expect !== undefined && !SHA256.test(expect))
    usage(`--expect: ${expect} is no SHA-256 in 64 hexadecimal digits`)
  const path = await logPath({ ...options, ...(place === undefined ? {} : { log: place }) })
  const given = key?.map(text => readPublicKey(text) ?? usage(`--key: ${text} is no public key`))
  const keys = given ?? keysOf((await settings(options)).log.queries.chain)
  if (keys.length === 0)
    usage('--key: wanted the public key, since the settings have no log.queries.chain.sign-key')
  const found = await verifyLog(new LogLayout(path), keys, expect)
  const chain = join(dirname(path), CHAIN_FILE)
  print(
    io,
    json === true
      ? `${JSON.stringify({ chain, ...found }, undefined, 2)}\n`
      : `${verificationLines(chain, found, io.stdout.columns).join('\n')}\n`
  )
  return found.proven ? EXIT.success : EXIT.failure
}

/** @throws InterdictError CHAIN_KEY */
export function keysOf(chain: ChainConfig | undefined): readonly KeyObject[] {
  if (chain === undefined) return []
  const earlier = chain.earlierKeys.flatMap(text => readPublicKey(text) ?? [])
  return [createPublicKey(readSignKey(chain.signKey)), ...earlier]
}
