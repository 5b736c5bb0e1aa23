import { readSignKey } from '../archive/chain/sign-key.js'
import type { Config } from '../config/config.js'
import type { Trouble } from './messages.js'
import { troubleOf } from './trouble.js'

/** What is wrong with the key of the query log's chain, if there is to be one. */
export function chainKeyTroubles({ log: { queries } }: Config): readonly Trouble[] {
  if (queries.chain === undefined || queries.which === 'none') return []
  try {
    readSignKey(queries.chain.signKey)
    return []
  } catch (error) {
    return [troubleOf(error)]
  }
}
