/** Errors of mandates: what an authority orders to be banned. See `../error.ts`. */
export const MANDATES = {
  MANDATE_UNREADABLE: (file: string, why: string) => `cannot read mandate ${file}: ${why}`,
  MANDATE_SIGNATURE: (key: string) =>
    `the signature by ${key} is invalid: the text was changed after it was signed; sign it again`,
  MANDATE_UNSIGNED: () =>
    'no key of rules.mandates.keys has signed this mandate; sign it with "interdict mandate sign"',
  MANDATE_TWICE: (id: string, other: string) =>
    `mandate ${id} is also in ${other}, which was issued later or at the same time; remove one of the files`,
  MANDATE_OLDER: (id: string, issued: string, newest: string) =>
    `mandate ${id}, issued ${issued}, is older than the one in force, issued ${newest}; install the newer file, or issue the mandate again`,
  MANDATE_ALTERED: (id: string, issued: string) =>
    `mandate ${id} differs from the one in force but has the same time of issue, ${issued}; issue it with a later time`,
  MANDATE_MISSING: (id: string, folder: string) =>
    `no valid file in ${folder} has mandate ${id}; its last good version remains in force; to withdraw it, add a later issue with "bans: []"`,
  MANDATE_DROPPED: (id: string) =>
    `mandate ${id} is no longer in force: the settings no longer have a key (rules.mandates.keys) that signed it`,
  MANDATE_FOREIGN: (id: string) =>
    `this issue of mandate ${id} is not signed with any key that signed the one in force, which stays in force`,
  MANDATE_UNKNOWN: (id: string) =>
    `it is not known whether the rules in force satisfy mandate ${id}: the history does not have them`,
  MANDATE_STATE: (path: string, why: string) =>
    `cannot use the copies of mandates in ${path}: ${why}; without them, a mandate is lost if its file is`,
  MANDATE_UNMET: (id: string, what: string, where: string, why: string) =>
    `mandate ${id}: ${what} in ${where}: ${why}`
} as const
