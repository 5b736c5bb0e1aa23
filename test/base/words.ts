import { readAddress } from '../../src/base/values/address.js'

/** An address as four words, the form in which tables are asked. */
export function words(address: string): Uint32Array {
  const view = new DataView(readAddress(address).buffer)
  return Uint32Array.from([0, 4, 8, 12], at => view.getUint32(at))
}
