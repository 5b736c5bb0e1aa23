import { failureAt, type InterdictError } from '../../base/error.js'
import type { Config } from '../../config/config.js'
import { trySignKey } from '../../querylog/archive/chain/sign-key.js'

/** What is wrong with the key of the query log's chain, if there is to be one. */
export function checkChainKey({ log: { queries } }: Config): readonly InterdictError[] {
  const { chain, which } = queries
  if (chain === undefined || which === 'none') return []
  const read = trySignKey(chain.signKey)
  if (typeof read !== 'string') return []
  return [failureAt(chain.position, 'CHAIN_KEY', chain.signKey, read)]
}
