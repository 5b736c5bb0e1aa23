import type { Milliseconds, Octets } from '../../../base/units.js'
import type { ConnectionIdentity } from '../client-recognizer.js'

/** One request and its reply: a stream that is open, from its HEADERS frame to the end of both. */
export class DohStream {
  /** Parts of the body before the last; undefined: none yet. */
  body: Buffer[] | undefined
  bodySize: Octets = 0
  /** Of GET, in base64url, until the request ends; undefined: the query is in the body. */
  query: string | undefined
  /** The query waits for an upstream. */
  isPending = false
  /** The client has sent the whole request. */
  isComplete = false
  /** What is still to be sent of the reply. */
  unsent: Uint8Array | undefined

  /**
   * @param window octets that the client takes on this stream: RFC 9113 §6.9
   * @param since when it was opened, or last waited for the client
   * @param contentLength of the request; -1: not announced
   * @param identity of its client; undefined: identified by its address
   */
  constructor(
    readonly id: number,
    public window: Octets,
    public since: Milliseconds,
    readonly contentLength: Octets,
    readonly identity: ConnectionIdentity | undefined
  ) {}

  /** The whole body, with its last part. */
  takeBody(last: Buffer): Buffer {
    const all = this.body === undefined ? last : Buffer.concat([...this.body, last])
    this.body = undefined
    return all
  }
}
