/** The lookups that are judged: a random sample. */
export interface Sample {
  readonly lookups: number
  /** Of so many in the log. */
  readonly of: number
}

/** A number of lookups, and the bounds within which it is with a confidence of 95%. */
export interface Estimate {
  readonly lookups: number
  readonly low: number
  readonly high: number
}

/** Of the normal distribution, for 95%. */
const Z = 1.96

/** The lookups of the whole log that those found in a sample stand for: the score interval of a Poisson distribution. */
export function estimateOf(found: number, { lookups, of }: Sample): Estimate {
  const share = lookups === 0 ? 1 : lookups / of
  const middle = found + Z ** 2 / 2
  const width = Z * Math.sqrt(found + Z ** 2 / 4)
  return {
    lookups: Math.round(found / share),
    low: Math.max(found, Math.floor((middle - width) / share)),
    high: Math.min(of, Math.ceil((middle + width) / share))
  }
}
