/** Set by `npm run fuzz`. */
export const IS_FUZZING = process.env.INTERDICT_FUZZ === '1'

/** Any will do, as long as it stays: `npm test` gives the same result twice. */
const SEED = 20231114

/**
 * How often a property is tried: as often as `full`, with another seed each time, by `npm run fuzz`;
 * a tenth of that, with one seed, by `npm test`.
 *
 * @returns parameters of fast-check's `assert`
 */
export function runs(full: number): { readonly numRuns: number; readonly seed?: number } {
  return IS_FUZZING ? { numRuns: full } : { numRuns: Math.ceil(full / 10), seed: SEED }
}
