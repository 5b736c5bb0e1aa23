/** Errors of the history of rules. See `../error.ts`. */
export const HISTORY = {
  HISTORY_WRITE: (path: string, why: string) =>
    `cannot write the history of rules in ${path}: ${why}; the rules are in force all the same, and it is retried`,
  HISTORY_READ: (path: string, why: string) =>
    `cannot read the history of rules in ${path}: ${why}`,
  HISTORY_EXPIRE: (path: string, why: string) =>
    `cannot remove expired versions from the history of rules in ${path}: ${why}`,
  HISTORY_NONE: (digits: string) =>
    `no version of the rules in the history has a SHA-256 that begins with ${digits}; see "interdict rules history"`,
  HISTORY_AMBIGUOUS: (digits: string, count: number) =>
    `${count} versions in the history have a SHA-256 that begins with ${digits}; give more digits`,
  HISTORY_UNKNOWN: (time: string, why: string) =>
    `the rules in force at ${time} are not known: ${why}`,
  HISTORY_INCOMPLETE: (sha256: string, missing: string) =>
    `version ${sha256} of the rules is not stored in full; missing: ${missing}`,
  RESTORE_BUNDLE: () =>
    'the rules come from a bundle, which is not changed file by file; use "interdict rollback", or create a bundle of "interdict rules show SHA --output FOLDER"',
  RESTORE_WRITE: (path: string, why: string) =>
    `cannot restore ${path}: ${why}; no file of the rules was changed`
} as const
