import { addressWords, readAddress, showAddress } from '../../base/values/address.js'
import { InterdictError } from '../../base/errors/error.js'

/** The fields about a client in a log. */
export interface LoggedClient {
  /** An address, or what the log has in its place. */
  readonly client: string
  /** Its name in the rules, if it was recognized. */
  readonly device?: string | undefined
  /** Id of the network, if the log has it. */
  readonly network?: string | undefined
  /** Id of the network of its address, if that is another one. */
  readonly addressNetwork?: string | undefined
}

/** A client as the log names it. */
export interface Client extends LoggedClient {
  /** The name; or else the client as in the log, addresses in their shortest form. */
  readonly text: string
  /** The address; undefined if the log has a prefix, a pseudonym or nothing instead. */
  readonly words: Uint32Array | undefined
}

export function readClient(logged: LoggedClient): Client {
  const { client, device } = logged
  const address = addressOrNot(client)
  if (address === undefined) return { ...logged, text: device ?? client, words: undefined }
  return { ...logged, text: device ?? showAddress(address), words: addressWords(address) }
}

function addressOrNot(text: string): Uint8Array | undefined {
  try {
    return readAddress(text)
  } catch (error) {
    if (error instanceof InterdictError) return undefined
    throw error
  }
}
