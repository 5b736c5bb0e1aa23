import { MAX_SECRET_FILE, readBoundedFileSync } from '../../base/files/bounded-file.js'
import { failureAt, type InterdictError } from '../../base/errors/error.js'
import type { QueryLogConfig, WitnessConfig } from '../settings/query-log-config.js'
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
    ...(witness === undefined ? [] : checkWitness(witness))
  ]
}

function checkWitness({ tsa, syslog, position }: WitnessConfig): readonly InterdictError[] {
  const files = { tsa: tsa?.caFile ?? '', syslog: syslog?.tls.ca ?? '' }
  return Object.entries(files).flatMap(([section, file]) => {
    const why = file === '' ? undefined : reasonAgainst(file)
    const key = `log.queries.witness.${section}.ca-file`
    return why === undefined ? [] : [failureAt(position, 'CONFIG_FILE', key, file, why)]
  })
}

/** The reason why a certificate file cannot be used; undefined: it can. */
function reasonAgainst(file: string): string | undefined {
  try {
    readCertificates(readBoundedFileSync(file, MAX_SECRET_FILE).toString())
    return undefined
  } catch (error) {
    return reasonOf(error, file)
  }
}
