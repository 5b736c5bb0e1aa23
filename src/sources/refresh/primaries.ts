import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import { failure, failureAt, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import type { Octets } from '../../base/units.js'
import type { TransferKeyConfig, TransfersConfig } from '../settings/sources-config.js'
import type { Primary } from '../axfr/primary.js'
import type { TsigKey } from '../../wire/tsig/tsig.js'

/** Shorter secrets can be guessed. */
const MIN_SECRET_SIZE: Octets = 16

/**
 * The primaries from the settings, with their TSIG keys, whose secrets are read from files.
 *
 * @throws AggregateError of TRANSFER_SECRET, TRANSFER_SECRET_UNREADABLE
 */
export async function loadPrimaries({
  primaries,
  keys
}: TransfersConfig): Promise<readonly Primary[]> {
  const errors: InterdictError[] = []
  const keysByName = new Map<string, TsigKey>()
  for (const key of keys) {
    try {
      const secret = await readSecret(key)
      keysByName.set(key.key, { name: key.name, algorithm: key.algorithm, secret })
    } catch (error) {
      errors.push(error as InterdictError)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors)
  return primaries.map(({ id, endpoint, key }) => {
    return { id, ...endpoint, key: key === undefined ? undefined : keysByName.get(key)! }
  })
}

/** Error messages never show what may be a secret. */
async function readSecret({ secretFile: file }: TransferKeyConfig): Promise<Uint8Array> {
  let text: string
  try {
    text = (await readBoundedFile(file, MAX_SECRET_FILE)).toString()
  } catch (error) {
    throw failure('TRANSFER_SECRET_UNREADABLE', file, reasonOf(error))
  }
  const lines = text.split('\n').map(line => line.replace(/#.*/, '').trim())
  const filled = lines.filter(line => line !== '')
  const line = lines.findIndex(one => one !== '') + 1
  const position = { file, line: Math.max(line, 1), column: 1 }
  const invalid = (found: string): InterdictError => failureAt(position, 'TRANSFER_SECRET', found)
  if (filled.length !== 1) throw invalid(`${filled.length} lines`)
  const word = filled[0]!
  if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(word)) {
    throw invalid('other characters')
  }
  const secret = Uint8Array.from(Buffer.from(word, 'base64'))
  if (secret.length < MIN_SECRET_SIZE) throw invalid(`${secret.length} bytes`)
  return secret
}
