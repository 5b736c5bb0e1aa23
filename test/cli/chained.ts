import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { tendOnce } from '../querylog/archive/chain/rig.js'
import { lines, record } from '../querylog/archive/lines.js'
import { FILES, interdict, SETTINGS, writeSite } from './run.js'

const CHAIN = 'log: { queries: { chain: { sign-key: sign.pem } } }\n'

/**
 * A site whose log has a chain.
 *
 * @param closed names of closed files with a lookup each
 * @returns its settings, the public key, and how it is asked
 */
export async function chained(t: Test, ...closed: readonly string[]) {
  const lookup = lines(record('2023-03-01T09:26:53.589Z', { ban: 'federal' }))
  const config = writeSite(t, {
    ...FILES,
    'interdict.yaml': SETTINGS + CHAIN,
    ...Object.fromEntries(closed.map(name => [`log/${name}`, lookup]))
  })
  const at = (name: string): string => join(dirname(config), name)
  const key = (await interdict('bundle', 'keygen', at('sign.pem'))).out.trim()
  const chain = { signKey: at('sign.pem'), earlierKeys: [], checkpoint: 3_600_000 }
  const options = { parquet: false, chain }
  await tendOnce(at('log/queries.jsonl'), '2023-03-03T12:30:00.000Z', options)
  const run = (...words: string[]) => interdict('-c', config, ...words)
  return { config, at, key, run }
}
