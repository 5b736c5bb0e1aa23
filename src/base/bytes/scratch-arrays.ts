/**
 * Reusable arrays for short-lived data, one of each length: taking the same length again returns the same
 * array. Allocating an array costs 0.05 to 0.1 µs, and garbage collection later.
 */
export class ScratchArrays<T extends { readonly length: number }> {
  private readonly byLength: (T | undefined)[]

  /**
   * @param longest array that is reused; longer ones are allocated each time
   * @param make allocates an array
   */
  constructor(
    private readonly longest: number,
    private readonly make: (length: number) => T
  ) {
    this.byLength = Array.from({ length: longest + 1 })
  }

  /** Its content is left over from the last use. */
  take(length: number): T {
    return length > this.longest ? this.make(length) : (this.byLength[length] ??= this.make(length))
  }
}
