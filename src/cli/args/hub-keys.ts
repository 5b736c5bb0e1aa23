import type { PublicKey } from '../../base/files/ed25519.js'
import type { Config } from '../../gateway/config/config.js'
import { rootFolder } from '../../sources/root/root-place.js'
import { readRoot } from '../../sources/root/root-store.js'

/** Public keys with which the hub of the fleet may countersign the query log. @throws InterdictError as `readRoot` */
export async function hubKeys({ log, bundle, state }: Config): Promise<readonly PublicKey[]> {
  const { hubKey } = log.queries.witness ?? {}
  if (hubKey !== 'root') return hubKey === undefined ? [] : [hubKey]
  const place = { file: bundle?.rootFile ?? '', folder: rootFolder(state.folder) }
  return (await readRoot(place)).root.roles.hub.keys
}
