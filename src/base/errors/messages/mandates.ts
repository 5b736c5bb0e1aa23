/** Errors of mandates: what an authority orders to be banned. See `../error.ts`. */
export const MANDATES = {
  MANDATE_UNREADABLE: (file: string, why: string) => `cannot read mandate ${file}: ${why}`,
  MANDATE_SIGNATURE: (key: string) =>
    `the signature by ${key} is invalid: the text was changed after it was signed; sign it again`,
  MANDATE_UNSIGNED: () =>
    'no key of rules.mandates.keys has signed this mandate; sign it with "interdict mandate sign"',
  MANDATE_TWICE: (id: string, other: string) =>
    `mandate ${id} is also in ${other}, which was issued later or is the same; remove one of the files`,
  MANDATE_OLDER: (id: string, issued: string, newest: string) =>
    `this issue of mandate ${id}, of ${issued}, is older than that in force, of ${newest}; put the newer file in place, or issue the mandate again`,
  MANDATE_ALTERED: (id: string, issued: string) =>
    `mandate ${id} has another text than that in force, and the same time of issue, ${issued}; give it a later one`,
  MANDATE_MISSING: (id: string, folder: string) =>
    `no valid file in ${folder} has mandate ${id}, whose last good version remains in force; to withdraw it, put a later issue with "bans: []" there`,
  MANDATE_DROPPED: (id: string) =>
    `mandate ${id} is no longer in force: the settings have no key (rules.mandates.keys) any more that has signed it`,
  MANDATE_FOREIGN: (id: string) =>
    `no key that has signed mandate ${id} as it is in force has signed this issue; the one in force stays`,
  MANDATE_UNKNOWN: (id: string) =>
    `it is not known whether the rules in force satisfy mandate ${id}: the history of rules does not have them`,
  MANDATE_STATE: (path: string, why: string) =>
    `cannot use the copies of mandates in ${path}: ${why}; without them, mandates are lost when their files are`,
  MANDATE_UNMET: (id: string, what: string, where: string, why: string) =>
    `mandate ${id}: ${what} in ${where}: ${why}`
} as const
