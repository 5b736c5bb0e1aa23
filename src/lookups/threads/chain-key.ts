import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { QueryLogConfig } from '../settings/query-log-config.js'
import { trySignKey } from '../chain/sign-key.js'

/** Checks that the signing key of the query log chain is usable, if the chain is on. */
export function checkChainKey({ chain, which }: QueryLogConfig): readonly InterdictError[] {
  if (chain === undefined || which === 'none') return []
  const key = trySignKey(chain.signKey)
  if (typeof key !== 'string') return []
  return [failureAt(chain.position, 'CHAIN_KEY', chain.signKey, key)]
}
