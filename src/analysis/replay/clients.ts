import { addressWords, readAddress, showAddress } from '../../base/values/address.js'
import { InterdictError } from '../../base/errors/error.js'

/** A client as the log names it. */
export interface Client {
  /** As in the log; addresses in their shortest form. */
  readonly text: string
  /** Id of the network, if the log has it. */
  readonly network: string | undefined
  /** The address; undefined if the log has a prefix, a pseudonym or nothing instead. */
  readonly words: Uint32Array | undefined
}

/** @param text an address, or what the log has in its place */
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
