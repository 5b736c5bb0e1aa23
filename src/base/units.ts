/** A count of octets, or a position counted in octets from the start of a buffer or message. */
export type Octets = number

/** TTLs and calendar instants: whole seconds, as the protocol has them. */
export type Seconds = number

/** Durations and timeouts inside the program. */
export type Milliseconds = number

/** Measured durations in the query log. */
export type Microseconds = number

export const MS_PER_SECOND = 1000
export const MS_PER_DAY = 86_400_000
