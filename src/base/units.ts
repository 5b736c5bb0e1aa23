/** A number of octets, or an offset in octets into a buffer or message. */
export type Octets = number

/** Whole seconds, as in the protocol: TTLs and timestamps. */
export type Seconds = number

/** Durations and timeouts inside the program. */
export type Milliseconds = number

/** Measured durations in the query log. */
export type Microseconds = number

export const MS_PER_SECOND = 1000
export const MS_PER_DAY = 86_400_000
