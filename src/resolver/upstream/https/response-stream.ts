import type { Octets, Seconds } from '../../../base/units.js'

/** One request and its response: RFC 9113 §8.1. */
export class ResponseStream {
  /** Octets that the upstream takes on this stream, once it is open: RFC 9113 §6.9. */
  window: Octets = 0
  /** What is still to be sent of the request. */
  unsent: Uint8Array | undefined
  /** Fields of the final response have come. */
  hasFields = false
  /** -1: not announced. */
  contentLength: Octets = -1
  /** The time that the response spent in caches. */
  age: Seconds = 0
  /** Octets of the body so far. */
  size: Octets = 0
  /** The same with padding, as flow control counts them. */
  flow: Octets = 0
  /** Parts of the body before the last. */
  private parts: Buffer[] | undefined

  constructor(readonly id: number) {}

  /** Keeps a copy of a part of the body. */
  keep(part: Uint8Array): void {
    if (part.length > 0) (this.parts ??= []).push(Buffer.from(part))
    this.size += part.length
  }

  /** The whole body, with its last part. */
  bodyWith(last: Buffer): Buffer {
    return this.parts === undefined ? last : Buffer.concat([...this.parts, last])
  }
}
