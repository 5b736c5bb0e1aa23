import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { QueryLogConfig, TimeStampingConfig } from '../settings/query-log-config.js'
import { reasonOf } from '../../base/errors/reason.js'
import { readCertificates } from '../../wire/pki/time-stamp.js'
import { trySignKey } from '../chain/sign-key.js'

/** Checks that the files of the query log chain and its witness are usable, if the chain is on. */
export function checkChainFiles(config: QueryLogConfig): readonly InterdictError[] {
  const { chain, which, witness } = config
  if (chain === undefined || which === 'none') return []
  const key = trySignKey(chain.signKey)
  return [
    ...(typeof key === 'string'
      ? [failureAt(chain.position, 'CHAIN_KEY', chain.signKey, key)]
      : []),
    ...(witness?.tsa === undefined ? [] : checkAuthority(witness.tsa))
  ]
}

function checkAuthority({ caFile, position }: TimeStampingConfig): readonly InterdictError[] {
  try {
    readCertificates(readBoundedFileSync(caFile, MAX_SECRET_FILE).toString())
    return []
  } catch (error) {
    const key = 'log.queries.witness.tsa.ca-file'
    return [failureAt(position, 'CONFIG_FILE', key, caFile, reasonOf(error, caFile))]
  }
}
