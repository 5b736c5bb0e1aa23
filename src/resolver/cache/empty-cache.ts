import type { AnswerCache } from './cache.js'

/** A cache that keeps nothing: each lookup is as if it were the first one. */
export class EmptyCache implements AnswerCache {
  readonly missedExpired = false
  readonly generation = 0
  readonly size = 0
  readonly entries = 0

  touch(): void {
    return
  }

  get(): undefined {
    return undefined
  }

  getStale(): undefined {
    return undefined
  }

  put(): void {
    return
  }

  delete(): void {
    return
  }
}
