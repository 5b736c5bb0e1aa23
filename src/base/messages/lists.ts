/** Of lists that come from elsewhere. See `../error.ts`. */
export const LISTS = {
  // remote
  REMOTE_FETCH: (url: string, why: string) => `${url} cannot be fetched: ${why}`,
  REMOTE_STATUS: (url: string, status: number) => `${url} cannot be fetched: status ${status}`,
  REMOTE_REDIRECT: (url: string, why: string) => `${url} cannot be fetched: ${why}`,
  REMOTE_LARGE: (url: string, most: number) =>
    `${url} has more than ${most} octets, wanted less, or max-size in its entry`,
  REMOTE_TIMEOUT: (url: string, ms: number) => `${url} was not here within ${ms} ms`,
  REMOTE_NAME: (name: string, why: string) => `${name} cannot be resolved: ${why}`,
  REMOTE_CHECKSUM: (url: string, found: string, wanted: string) =>
    `${url} has the SHA-256 ${found}, wanted ${wanted}`,
  REMOTE_SIGNATURE: (url: string, why: string) => `${url} is not signed as it has to be: ${why}`,
  REMOTE_SHRUNK: (id: string, before: number, now: number, most: number) =>
    `the list ${id} has ${now} entries instead of ${before}, which is less by more than ${most}%: it is held back until somebody says "interdict lists confirm ${id}"`,
  REMOTE_NOT_HELD: (id: string) => `nothing is held back of the list ${id}`,
  REMOTE_BUSY: (folder: string, holder: string) =>
    `another "interdict lists update" or "confirm" is at work on ${folder}: ${holder}`,
  REMOTE_STATE: (path: string, why: string) => `cannot write ${path}: ${why}`,
  REMOTE_CA: (path: string, why: string) => `file of certificates ${path} cannot be read: ${why}`,

  // transfer
  TRANSFER_CONNECT: (primary: string, why: string) =>
    `primary ${primary} cannot be reached: ${why}`,
  TRANSFER_TIMEOUT: (primary: string, ms: number) =>
    `primary ${primary} has not sent all within ${ms} ms`,
  TRANSFER_LARGE: (zone: string, primary: string, most: number) =>
    `zone ${zone} of primary ${primary} has more than ${most} octets, wanted less, or a larger max-size`,
  TRANSFER_REFUSED: (zone: string, primary: string, rcode: string) =>
    `primary ${primary} says ${rcode} to a question for the zone ${zone}`,
  TRANSFER_BROKEN: (zone: string, primary: string, why: string) =>
    `what primary ${primary} sends of the zone ${zone} is not taken: ${why}`,
  TRANSFER_TSIG: (primary: string, why: string) =>
    `what primary ${primary} sends cannot be trusted: ${why}`,
  TRANSFER_EXPIRED: (zone: string, since: string) =>
    `zone ${zone} expired at ${since}: no primary has confirmed it since, and its rules stay in force`,
  TRANSFER_SECRET: (found: string) =>
    `found ${found}, wanted the secret of a key in Base64, 16 octets of it at least, on one line`,
  TRANSFER_SECRET_UNREADABLE: (file: string, why: string) =>
    `file with the secret of a key ${file} cannot be read: ${why}`,
  TRANSFER_STATE: (path: string, why: string) => `cannot write ${path}: ${why}`,
  TRANSFER_NO_PRIMARY: (list: string, zone: string) =>
    `the list ${list} is the zone ${zone} of a primary, and the settings have none: wanted one in transfers.primaries`,
  TRANSFER_UNKNOWN_PRIMARY: (list: string, primary: string, hint: string) =>
    `the list ${list}: found ${JSON.stringify(primary)}, wanted a key of transfers.primaries in the settings${hint}`
} as const
