/** Messages about roots of trust: sources/root. */
export const ROOTS = {
  ROOT_UNREADABLE: (file: string, why: string) => `cannot read root of trust ${file}: ${why}`,
  ROOT_BROKEN: (file: string, why: string) => `invalid root of trust ${file}: ${why}`,
  ROOT_SIGNATURE: (file: string, key: string) =>
    `root of trust ${file} has an invalid signature of key ${key}`,
  ROOT_UNSIGNED: (file: string, found: number, required: number, version: number, keys: number) =>
    `root of trust ${file} has ${found} of ${required} required signatures by the ${keys} root keys of version ${version}; add them with "interdict root sign"`,
  ROOT_VERSION: (file: string, found: number, expected: number) =>
    `root of trust ${file} has version ${found}, expected ${expected}: versions are accepted one after another`,
  ROOT_EXPIRED: (version: number, expired: string) =>
    `root of trust ${version} expired at ${expired}: nothing new is accepted under it, the rules in force remain; publish the next version with "interdict root publish"`,
  ROOT_ENDS: (version: number, expires: string) =>
    `root of trust ${version} expires at ${expires}; sign and publish the next version before`,
  ROOT_STATE: (file: string, why: string) =>
    `cannot use the accepted root of trust, ${file}: ${why}`,
  ROOT_WRITE: (file: string, why: string) => `cannot write ${file}: ${why}`,
  ROOT_CHANGE: (why: string) => `cannot make the next root of trust: ${why}`,
  BUNDLE_REVOKED: (serial: number, version: number) =>
    `bundle ${serial} is not signed by the keys of root of trust ${version}; it remains in force, since no stored bundle is, until one arrives`
} as const
