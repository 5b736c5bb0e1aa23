import { isMapped, readAddress, type Address } from '../../../base/values/address.js'
import { InterdictError } from '../../../base/errors/error.js'

const LOOPBACK_NET = 127

/**
 * Whether a list that gives this address to a name means to block the name: the unspecified
 * addresses, 0.0.0.0 and ::, and loopback addresses, 127.0.0.0/8 and ::1.
 */
export function isBlockAddress(address: Address): boolean {
  const from = isMapped(address) ? 12 : 0
  if (from === 12 && address[12] === LOOPBACK_NET) return true
  for (let i = from; i < 15; i++) if (address[i] !== 0) return false
  return address[15] === 0 || (from === 0 && address[15] === 1)
}

/** Reads an address as lists write it; undefined if it is not one. */
export function readListAddress(text: string): Address | undefined {
  try {
    return readAddress(text === '0' ? '0.0.0.0' : text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
