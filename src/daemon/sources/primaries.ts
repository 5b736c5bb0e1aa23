import { readFile } from 'node:fs/promises'
import { failure, failureAt, type InterdictError } from '../../base/error.js'
import type { Octets } from '../../base/units.js'
import type { TransferKeyConfig, TransfersConfig } from '../../config/config.js'
import type { Primary } from '../../sources/axfr/primary.js'
import type { TsigKey } from '../../tsig/tsig.js'

/** A shorter secret can be guessed. */
const MIN_SECRET_SIZE: Octets = 16

/**
 * The primaries of the settings with their keys, whose secrets are read here.
 *
 * @throws AggregateError of TRANSFER_SECRET, TRANSFER_SECRET_UNREADABLE
 */
export async function loadPrimaries({
  primaries,
  keys
}: TransfersConfig): Promise<readonly Primary[]> {
  const errors: InterdictError[] = []
  const known = new Map<string, TsigKey>()
  for (const key of keys) {
    try {
      const secret = await readSecret(key)
      known.set(key.key, { name: key.name, algorithm: key.algorithm, secret })
    } catch (error) {
      errors.push(error as InterdictError)
    }
  }
  if (errors.length > 0) throw new AggregateError(errors)
  return primaries.map(({ id, endpoint, key }) => {
    return { id, ...endpoint, key: key === undefined ? undefined : known.get(key)! }
  })
}

/** Messages show nothing of what may be a secret. */
async function readSecret({ secretFile: file }: TransferKeyConfig): Promise<Uint8Array> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw failure('TRANSFER_SECRET_UNREADABLE', file, (error as Error).message)
  }
  const lines = text.split('\n').map(line => line.replace(/#.*/, '').trim())
  const written = lines.filter(line => line !== '')
  const line = lines.findIndex(one => one !== '') + 1
  const position = { file, line: Math.max(line, 1), column: 1 }
  const refuse = (found: string): InterdictError => failureAt(position, 'TRANSFER_SECRET', found)
  if (written.length !== 1) throw refuse(`${written.length} lines`)
  const word = written[0]!
  if (!/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(word)) {
    throw refuse('something else')
  }
  const secret = Uint8Array.from(Buffer.from(word, 'base64'))
  if (secret.length < MIN_SECRET_SIZE) throw refuse(`${secret.length} octets`)
  return secret
}
