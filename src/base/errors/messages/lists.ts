import { quote, showSize } from './format.js'

/** Errors of downloaded lists and transferred zones. See `../error.ts`. */
export const LISTS = {
  // sources/http
  REMOTE_FETCH: (url: string, why: string) => `cannot fetch ${url}: ${why}`,
  REMOTE_STATUS: (url: string, status: number) => `cannot fetch ${url}: HTTP status ${status}`,
  REMOTE_REDIRECT: (url: string, why: string) => `cannot fetch ${url}: ${why}`,
  REMOTE_LARGE: (url: string, limit: number) =>
    `${url} is larger than ${showSize(limit)}; if that is expected, raise max-size in its entry`,
  REMOTE_TIMEOUT: (url: string, ms: number) => `download of ${url} timed out after ${ms} ms`,
  REMOTE_NAME: (name: string, why: string) => `cannot resolve ${name}: ${why}`,
  REMOTE_CHECKSUM: (url: string, found: string, expected: string) =>
    `checksum mismatch for ${url}: expected SHA-256 ${expected}, found ${found}`,
  REMOTE_SIGNATURE: (url: string, why: string) => `signature check failed for ${url}: ${why}`,
  REMOTE_SHRUNK: (id: string, before: number, now: number, percent: number) =>
    `list ${quote(id)} shrank from ${before} to ${now} entries, by more than ${percent}%; the new copy is quarantined and the previous one stays active; to accept it, run "interdict lists confirm ${id}"`,
  REMOTE_NOT_HELD: (id: string) => `list ${quote(id)} has no quarantined copy to confirm`,
  REMOTE_BUSY: (folder: string, holder: string) =>
    `${folder} is locked by another "interdict lists update" or "confirm" (${holder})`,
  REMOTE_STATE: (path: string, why: string) => `cannot write ${path}: ${why}`,
  REMOTE_CA: (path: string, why: string) => `cannot read CA certificates from ${path}: ${why}`,
  REMOTE_MISP: (url: string, why: string) => `unexpected answer from MISP at ${url}: ${why}`,
  REMOTE_HEADERS: (path: string, why: string) => `cannot use HTTP headers from ${path}: ${why}`,

  // sources/axfr
  TRANSFER_CONNECT: (primary: string, why: string) =>
    `cannot connect to primary ${primary}: ${why}`,
  TRANSFER_TIMEOUT: (primary: string, ms: number) =>
    `transfer from primary ${primary} timed out after ${ms} ms`,
  TRANSFER_LARGE: (zone: string, primary: string, limit: number) =>
    `zone ${zone} from primary ${primary} is larger than ${showSize(limit)}; if that is expected, raise max-size in its entry`,
  TRANSFER_REFUSED: (zone: string, primary: string, rcode: string) =>
    `primary ${primary} answered ${rcode} for zone ${zone}`,
  TRANSFER_BROKEN: (zone: string, primary: string, why: string) =>
    `transfer of zone ${zone} from primary ${primary} failed: ${why}`,
  TRANSFER_TSIG: (primary: string, why: string) =>
    `TSIG verification of primary ${primary} failed: ${why}`,
  TRANSFER_EXPIRED: (zone: string, since: string) =>
    `zone ${zone} expired at ${since}: no primary has confirmed it since; its rules remain active`,
  TRANSFER_SECRET: (found: string) =>
    `expected a Base64 TSIG secret of at least 16 bytes, on one line, found ${found}`,
  TRANSFER_SECRET_UNREADABLE: (file: string, why: string) =>
    `cannot read TSIG secret file ${file}: ${why}`,
  TRANSFER_STATE: (path: string, why: string) => `cannot write ${path}: ${why}`,
  TRANSFER_NO_PRIMARY: (list: string, zone: string) =>
    `list ${quote(list)} is the zone ${zone} of a primary, but the settings have no primary; define one under transfers.primaries`,
  TRANSFER_UNKNOWN_PRIMARY: (list: string, primary: string, hint: string) =>
    `list ${quote(list)}: unknown primary ${quote(primary)}${hint || '; define it under transfers.primaries in the settings'}`
} as const
