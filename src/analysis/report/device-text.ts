import type { Milliseconds } from '../../base/units.js'
import type { Attribution } from '../../policy/bindings/attribution.js'

/** Which device had an address at a time. */
export type FindDevice = (address: string, at: Milliseconds) => Promise<Attribution>

/** The device that a client was, and its user, if it was the same at the first and at the last finding; otherwise null. */
export async function deviceText(
  client: string,
  first: Milliseconds,
  last: Milliseconds,
  findDevice: FindDevice
): Promise<readonly [device: string | null, user: string | null]> {
  const [before, after] = [await findDevice(client, first), await findDevice(client, last)]
  if (before.status !== 'known' || after.status !== 'known') return [null, null]
  const [one, other] = [before, after].map(({ device: { mac, host, duid, user } }) => {
    return { device: host ?? mac ?? duid ?? null, user: user ?? null }
  })
  const isSame = one!.device === other!.device && one!.user === other!.user
  return isSame ? [one!.device, one!.user] : [null, null]
}
