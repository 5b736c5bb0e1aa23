import { askUdp, type Heard } from './dns-client.js'
import type { Rig } from './serve.js'

export const isBanned = ({ rcode }: Heard): boolean => rcode === 'NXDOMAIN'

export async function banned({ at }: Rig, name: string): Promise<boolean> {
  return isBanned(await askUdp(at, name))
}
