import { addressWords, readAddress, showAddress } from '../base/address.js'
import { InterdictError } from '../base/error.js'

/** Who asked, as the log has it, and what candidate rules and those of before make of it. */
export interface Client {
  /** As the log has it, addresses in their shortest form. */
  readonly text: string
  /** Id of the network that the log has of it. */
  readonly network: string | undefined
  /** Undefined where the log has no address, but a prefix, a pseudonym or nothing. */
  readonly words: Uint32Array | undefined
}

/** @param text an address, or whatever else stands for a client in a log */
export function readClient(text: string, network: string | undefined): Client {
  const address = addressOrNot(text)
  if (address === undefined) return { text, network, words: undefined }
  return { text: showAddress(address), network, words: addressWords(address) }
}

function addressOrNot(text: string): Uint8Array | undefined {
  try {
    return readAddress(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
