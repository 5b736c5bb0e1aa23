import type { Octets } from '../../../base/units.js'
import { MAX_MESSAGE_SIZE } from '../../../wire/dns/registry/sizes.js'
import { DEFAULT_WINDOW } from '../../../wire/http2/frame.js'

/** RFC 8484 §6. */
export const MEDIA_TYPE = 'application/dns-message'

/** Longest header block, and longest list of fields as RFC 9113 §6.5.2 counts them. */
export const MAX_FIELDS: Octets = 16_384

/** What an upstream may send on one stream: the longest message, and as much padding. RFC 9113 §6.9.2. */
export const STREAM_WINDOW: Octets = 131_072

const CONNECTION: Octets = 1_048_576
/** What it may send on all streams of a connection before it gets more: so many octets more than the default. */
export const CONNECTION_WINDOW = { size: CONNECTION, more: CONNECTION - DEFAULT_WINDOW } as const

/** Says why a response is refused. */
export const TOO_LONG = `more than ${MAX_MESSAGE_SIZE} octets`
