/**
 * Verifier in the pack. It needs nothing of Interdict, and judges the lookups by the same rules as `enforcement.ts`,
 * written a second time. The build puts the text of `verify.py` in the place of this one.
 */
export const VERIFY_PY = ''
