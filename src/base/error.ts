import { showPosition, type Position } from './position.js'

/**
 * Every failure that we raise on purpose, by its stable code, grouped by the room that raises it.
 *
 * A code is public: operators grep logs for it and `docs/errors.md` explains it. Never reword one
 * and never reuse a retired one; add a new one instead. The message may be improved freely, so no
 * test and no caller matches on it.
 */
const MESSAGES = {
  // wire
  WIRE_SHORT: (at: number) => `message ends at octet ${at}, inside a field`,
  WIRE_LABEL_TYPE: (at: number) => `unknown label type at octet ${at}`,
  WIRE_POINTER: (at: number, to: number) => `pointer at octet ${at} does not lead back (to ${to})`,
  WIRE_NAME_LONG: (at: number) => `name at octet ${at} is longer than 255 octets`,
  WIRE_LARGE: (size: number) => `message of ${size} octets without compression, over 65535`,
  WIRE_QUESTION: (at: number) => `question at octet ${at} is not the one that was asked`,
  WIRE_RDATA: (type: string, at: number) => `${type} record has broken data at octet ${at}`,
  WIRE_OPT: (at: number) => `OPT record at octet ${at} is out of place or a second one`,
  WIRE_TSIG: (at: number) => `TSIG record at octet ${at} is broken, or not the last`,
  WIRE_CLASS: (at: number) => `record at octet ${at} is of another class than IN`,
  NAME_INVALID: (text: string, why: string) =>
    `${JSON.stringify(text)} is not a domain name: ${why}`,

  // base
  ADDRESS_INVALID: (text: string) => `${JSON.stringify(text)} is not an IP address`,
  PREFIX_INVALID: (text: string) => `${JSON.stringify(text)} is not a CIDR prefix`,

  // document, config
  DOCUMENT_SYNTAX: (why: string) => `cannot be read as YAML: ${why}`,
  DOCUMENT_DUPLICATE: (key: string) => `found the key ${key} a second time, wanted each key once`,
  DOCUMENT_INVALID: (path: string, found: string, wanted: string) =>
    `${path === '' ? '' : `${path}: `}found ${found}, wanted ${wanted}`,
  CONFIG_UNREADABLE: (file: string, why: string) => `settings file ${file} cannot be read: ${why}`,

  // rules
  RULES_UNREADABLE: (file: string, why: string) => `${file} cannot be read: ${why}`,
  RULES_APP_FILE: (app: string, stem: string) =>
    `app: found ${JSON.stringify(app)}, wanted the name of the file, ${JSON.stringify(stem)}`,
  RULES_EMPTY: (path: string, wanted: string) => `${path}: found nothing, wanted ${wanted}`,
  RULES_TOO_WIDE: (path: string, found: string, hint: string) =>
    `${path}: found ${found}, wanted names below it (or =name for itself only)${hint}`,
  RULES_FORCED: (path: string, found: string, why: string) =>
    `${path}: holds for ${found}, forced: ${why}`,
  RULES_FORCE_IDLE: (path: string) => `${path}: nothing here takes in too much: force does nothing`,
  RULES_SHARED_NAME: (path: string) =>
    `${path}: found a name that covers one of shared-names, wanted narrower names`,
  RULES_UNKNOWN_APP: (path: string, app: string, hint: string) =>
    `${path}: found ${JSON.stringify(app)}, wanted the name of a file in apps/${hint}`,
  RULES_UNKNOWN_VENDOR: (path: string, vendor: string, hint: string) =>
    `${path}: found ${JSON.stringify(vendor)}, wanted the vendor of a file in apps/${hint}`,
  RULES_UNKNOWN_LIST: (path: string, list: string, hint: string) =>
    `${path}: found ${JSON.stringify(list)}, wanted a key of lists${hint}`,
  RULES_UNKNOWN_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: found ${JSON.stringify(network)}, wanted a key of networks${hint}`,
  RULES_EXTENDS_CYCLE: (path: string, circle: string) =>
    `${path}: found a circle, ${circle}, wanted an end`,
  RULES_NO_NETWORK: () => 'networks: found no network with prefixes, wanted at least one',
  RULES_PREFIX_TWICE: (path: string, prefix: string, other: string) =>
    `${path}: found ${prefix}, which is at ${other} already, wanted each prefix once`,
  RULES_PREFIX_OUTSIDE: (path: string, prefix: string, network: string) =>
    `${path}: found ${prefix}, wanted a prefix within those of ${network}`,
  RULES_DATE: (path: string, found: string, wanted: string) =>
    `${path}: found ${JSON.stringify(found)}, wanted ${wanted}`,
  RULES_DATE_ORDER: (path: string, from: string, until: string) =>
    `${path}: found ${until}, wanted a time after from, ${from}`,
  RULES_PURPOSE: (path: string, found: string, wanted: string) =>
    `${path}: found ${JSON.stringify(found)}, wanted ${wanted}`,
  RULES_EXCEPTION_LONG: (path: string, until: string, days: number, from: string) =>
    `${path}: found ${until}, wanted a time at most ${days} days (exceptions.max-days) after from, ${from}`,
  RULES_BLANKET: (path: string, found: string, wanted: string) =>
    `${path}: found an exception for ${found}, wanted ${wanted}`,
  RULES_ID_TWICE: (path: string, id: string, other: string) =>
    `${path}: found ${JSON.stringify(id)}, which is at ${other} already, wanted each id once`,
  RULES_REPLY: (path: string, found: string, wanted: string) =>
    `${path}: found ${found}, wanted ${wanted}`,
  RULES_TARGET_BANNED: (path: string) =>
    `${path}: found a name that this very rule covers, wanted one that clients can look up`,
  RULES_LIST_REFUSED: (why: string) => `found no list of names (${why}), wanted one`,
  RULES_LIST_LINE: (why: string) => `line is skipped: ${why}`,
  RULES_LIST_LINES: (bad: number, lines: number) => `${bad} of ${lines} lines are skipped`,
  RULES_LIST_EMPTY: (id: string) =>
    `found no name in the list ${id}, wanted one at least, or may-be-empty: true in its entry`,
  RULES_LIST_LARGE: (most: number) =>
    `found a list of more than ${most} octets, wanted a smaller one, or max-size in its entry`,
  RULES_LIST_GZIP: (why: string) => `found a packed list that cannot be unpacked: ${why}`,
  RULES_LIST_ABSENT: (id: string, url: string) =>
    `there is no copy of the list ${id} from ${url} yet: rules on it hold for no name`,
  RULES_ZONE_ABSENT: (id: string, zone: string) =>
    `there is no copy of the zone ${zone} for the list ${id} yet: rules on it hold for no name`,
  RULES_ZONE_NO_SOA: () => 'found a zone without SOA, wanted a whole one',
  RULES_LIST_SHARED: (id: string, count: number, names: string) =>
    `the list ${id} takes in what many share: ${count} ${count === 1 ? 'name' : 'names'}, ${names}`,
  RULES_BAN_ENDS: (path: string, until: string) => `${path}: the ban ends at ${until}`,
  RULES_EXCEPTION_ENDS: (path: string, until: string) => `${path}: the exception ends at ${until}`,
  RULES_BAN_ENDED: (path: string, until: string) => `${path}: the ban has ended, at ${until}`,
  RULES_EXCEPTION_ENDED: (path: string, until: string) =>
    `${path}: the exception has ended, at ${until}`,
  RULES_REVIEW_DUE: (path: string, review: string) => `${path}: the review was due at ${review}`,
  RULES_SUCCESSOR_MISSING: (path: string, app: string, successor: string) =>
    `${path}: ${app} is banned without ${successor}, which its file says it became`,
  RULES_PAIR_MISSING: (path: string, app: string, pair: string) =>
    `${path}: ${app} is banned without ${pair}, which its file says to ban with it`,

  // bundle
  BUNDLE_UNREADABLE: (bundle: string, why: string) => `${bundle} cannot be read: ${why}`,
  BUNDLE_BROKEN: (bundle: string, why: string) => `${bundle} is no whole bundle: ${why}`,
  BUNDLE_SIGNATURE: (bundle: string, key: string) =>
    `${bundle} has a wrong signature of the key ${key}`,
  BUNDLE_UNSIGNED: (bundle: string, found: number, wanted: number) =>
    `${bundle}: found ${found} good signatures of trusted keys, wanted ${wanted}`,
  BUNDLE_EXPIRED: (bundle: string, expired: string, now: string) =>
    `${bundle} expired at ${expired}, and the clock says ${now}`,
  BUNDLE_EARLY: (bundle: string, created: string, now: string) =>
    `${bundle} was made at ${created}, and the clock says ${now}`,
  BUNDLE_OLDER: (bundle: string, serial: number, newest: number) =>
    `${bundle} has the serial ${serial}, and ${newest} was accepted here before`,
  BUNDLE_OTHER: (bundle: string, serial: number, accepted: string) =>
    `${bundle} has other content than the bundle ${serial} that was accepted here, SHA-256 ${accepted}`,
  BUNDLE_TRUST: (where: string, why: string) => `no trusted public key in ${where}: ${why}`,
  BUNDLE_STATE: (path: string, why: string) => `accepted bundles in ${path}: ${why}`,
  BUNDLE_ENDS: (serial: number, expires: string) =>
    `the bundle ${serial} in force expires at ${expires}`,
  BUNDLE_ENDED: (serial: number, expired: string) =>
    `the bundle ${serial} expired at ${expired} and stays in force: no newer one came`,
  BUNDLE_ROLLED_BACK: (from: number, to: number, by: string, at: string) =>
    `rolled back from bundle ${from} to ${to} by ${by} at ${at}: ${from} is not taken again`,
  BUNDLE_NOT_KEPT: (serial: number) =>
    `no bundle ${serial} that was accepted here is kept: see interdict rollback --list`,
  BUNDLE_NO_EARLIER: () => 'no bundle that was accepted before the one in force is kept',
  BUNDLE_OFF: () => 'rules.bundle is not set: the rules of these settings are a folder',
  BUNDLE_KEY: (file: string, why: string) => `no Ed25519 private key in ${file}: ${why}`,
  BUNDLE_PACK: (folder: string, why: string) => `${folder} cannot be packed: ${why}`,
  BUNDLE_WRITE: (file: string, why: string) => `cannot write ${file}: ${why}`,

  // policy
  POLICY_BOUNDS: (source: string) => `source ${source} gives more names than it announced`,
  POLICY_CROWDED: (run: number, tries: number) =>
    `names collide in runs longer than ${run} under each of ${tries} random seeds`,

  POLICY_TEST: (path: string, found: string, wanted: string, question: string) =>
    `${path}: found ${found}, wanted ${wanted}, when ${question}`,

  // socket, server
  SOCKET_BIND: (endpoint: string, why: string) => `cannot listen on ${endpoint}: ${why}`,
  SOCKET_PERMISSION: (endpoint: string) =>
    `cannot listen on ${endpoint}: permission denied; a port below 1024 needs root or CAP_NET_BIND_SERVICE`,
  SOCKET_NO_BATCH: (why: string) => `batch sockets are not available: ${why}`,

  // upstream
  UPSTREAM_NAMESERVER: (text: string) =>
    `nameserver: found ${JSON.stringify(text)}, wanted an IP address`,
  UPSTREAM_SELF: (endpoint: string) => `${endpoint} is this resolver itself and is not asked`,
  UPSTREAM_NONE: () => 'there is no upstream to ask: none is configured and the system names none',

  // log
  LOG_RING_SIZE: (octets: number, from: number, to: number) =>
    `a ring of ${octets} octets: wanted a power of two from ${from} to ${to}`,
  LOG_OPEN: (path: string, why: string) => `cannot open the query log ${path}: ${why}`,
  LOG_WRITE: (path: string, why: string) => `cannot write the query log ${path}: ${why}`,
  LOG_ROTATE: (path: string, why: string) => `cannot rotate the query log ${path}: ${why}`,
  LOG_FOLLOW: (path: string, why: string) => `cannot follow the query log ${path}: ${why}`,
  LOG_LOCKED: (folder: string, holder: string) =>
    `another gateway writes its query log into ${folder} (${holder}): wanted a folder for each`,
  LOG_OVERRUN: (events: number) =>
    `${events} lookups were not logged: they came faster than the recorder writes`,
  PRIVACY_KEY: (path: string, why: string) => `key of pseudonyms ${path} cannot be used: ${why}`,
  PRIVACY_NO_KEY: (folder: string, when: string) =>
    `there is no key of pseudonyms ${when} in ${folder}: none was made, or it has been deleted`,
  KEEP_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: found ${JSON.stringify(network)}, wanted the id of a network of the rules${hint}`,
  PRIVACY_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: found ${JSON.stringify(network)}, wanted the id of a network of the rules${hint}`,

  // archive
  ARCHIVE_NO_DUCKDB: (why: string) =>
    `DuckDB is needed for that and cannot be loaded: npm install @duckdb/node-api (${why})`,
  ARCHIVE_BROKEN: (paths: string) => `no Parquet, and left out: ${paths}`,
  ARCHIVE_FAILED: (path: string, why: string) => `the archive ${path} cannot be kept: ${why}`,
  ARCHIVE_NEWER: (path: string, version: number) =>
    `${path} has lines of schema ${version}, of a newer Interdict: it stays as it is`,
  ARCHIVE_READ: (path: string, why: string) => `cannot read the query log ${path}: ${why}`,
  ARCHIVE_LINE: (path: string) =>
    `${path}: found a line of more than 32 MB, wanted records of lookups: take it out`,
  ARCHIVE_SQL: (why: string) => `the query failed: ${why}`,
  ARCHIVE_SQL_WRITES: () => 'found something else than one SELECT, wanted one: logs are only read',
  ARCHIVE_CLOCK: (before: string, now: string) =>
    `the clock leapt from ${before} to ${now}: until it has gone on from there for a day, nothing more of the query log is removed as too old`,
  ARCHIVE_BUSY: (folder: string, holder: string) =>
    `files of the query log are being looked after, in ${folder} (${holder}): try again`,
  ARCHIVE_NO_FILE: (path: string, folder: string) =>
    `${path} is no closed file of the query log in ${folder}`,
  ARCHIVE_NO_CHAIN: (folder: string, why: string) =>
    `nothing is removed from ${folder}, for it could not be proven: ${why}`,
  CHAIN_KEY: (path: string, why: string) =>
    `the key of log.queries.chain, ${path}, cannot be used: ${why}`,
  CHAIN_BROKEN: (where: string, why: string, aside: string) =>
    `${where}: the chain of the query log is broken (${why}); it is ${aside} now, and another begins`,
  CHAIN_ALTERED: (path: string) =>
    `${path} is not what the chain of the query log says: it is left as it is`,
  CHAIN_WRITE: (path: string, why: string) =>
    `cannot write the chain of the query log ${path}: ${why}`,
  CHAIN_READ: (path: string, why: string) =>
    `cannot read the chain of the query log ${path}: ${why}`,

  // replay
  REPLAY_UNREADABLE: (file: string, why: string) => `log ${file} cannot be read: ${why}`,
  REPLAY_TORN: (file: string, why: string) => `log ${file} ends before its end: ${why}`,
  REPLAY_UNKNOWN: (file: string) =>
    `log ${file} is in no format that is known by how it begins: say which one with --from`,
  REPLAY_FOREIGN: (place: string, format: string, why: string) =>
    `${place}: found no lookup in the whole log (${why}), wanted a log of the format ${format}`,

  // outlet
  OUTPUT_DOWN: (name: string, why: string) =>
    `the output ${name} takes nothing: ${why}; lookups wait for it on the disk`,
  OUTPUT_OVERRUN: (name: string, lines: number) =>
    `${lines} lookups were not sent to the output ${name}: it has taken nothing for too long`,
  OUTPUT_REFUSED: (name: string, lookups: number, why: string) =>
    `the output ${name} has refused ${lookups} lookups so far: ${why}`,
  OUTPUT_SPOOL: (name: string, folder: string, why: string) =>
    `lookups for the output ${name} cannot wait in ${folder}: ${why}`,
  OUTPUT_LOCKED: (name: string, folder: string, holder: string) =>
    `another output or gateway keeps what waits in ${folder}, the folder of the output ${name} (${holder}): wanted one for each`,

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
    `the list ${list}: found ${JSON.stringify(primary)}, wanted a key of transfers.primaries in the settings${hint}`,

  // gateway, cli
  COOKIE_SECRET: (found: string) =>
    `found ${found}, wanted one to four secrets of 32 hexadecimal digits, one a line`,
  COOKIE_SECRETS_UNREADABLE: (file: string, why: string) =>
    `file of cookie secrets ${file} cannot be read: ${why}`,
  ADMIN_SOCKET: (path: string, why: string) => `cannot open the admin socket ${path}: ${why}`,
  ADMIN_REQUEST: (why: string) => `admin request not understood: ${why}`,
  ADMIN_BUSY: (most: number) =>
    `${most} admin clients are being served: try again in a few seconds`,
  ADMIN_OFF: () =>
    'no admin socket: set admin.socket in the settings to a path, and restart the gateway',
  ADMIN_ABSENT: (path: string, why: string) =>
    `no gateway at the admin socket ${path}: ${why}; is interdict serve running, with these settings?`,
  ADMIN_PERMISSION: (path: string) =>
    `not permitted to use the admin socket ${path}: be the user that the gateway runs as, or root`,
  ADMIN_TIMEOUT: (path: string, timeout: number) =>
    `no answer at the admin socket ${path} within ${timeout} ms: try again with a longer --timeout`,
  ADMIN_REPLY: (path: string, why: string) =>
    `no proper answer at the admin socket ${path}: ${why}; is an Interdict of this version there?`,
  ADMIN_WORKERS: (workers: string, missing: string) =>
    `no answer in time from worker ${workers}, ${missing}: try again`,
  GATEWAY_RESTLESS: () => 'rule files keep changing while they are read',
  CLI_OUTPUT: (file: string, why: string) => `cannot write ${file}: ${why}`,
  CLI_SERVICE_LOG: (path: string, why: string) => `cannot open the service log ${path}: ${why}`
} as const

export type ErrorCode = keyof typeof MESSAGES
/** What the message of a code needs to know. */
export type ErrorDetail<C extends ErrorCode> = Parameters<(typeof MESSAGES)[C]>
export const ERROR_CODES = Object.keys(MESSAGES) as readonly ErrorCode[]

/** A failure with a code. Branch on `code`; show `message`; log both. */
export class InterdictError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'InterdictError'
  /** Where in a rule or settings file it is, if it is about one. */
  readonly position: Position | undefined

  constructor(
    readonly code: C,
    message: string,
    options: { cause?: unknown; position?: Position } = {}
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.position = options.position
  }
}

/** Builds the error for `code`; the arguments are those its message needs. */
export function failure<C extends ErrorCode>(
  code: C,
  ...detail: Parameters<(typeof MESSAGES)[C]>
): InterdictError<C> {
  return new InterdictError(code, messageOf(code, detail))
}

/** As `failure`, for an error in a file that an operator edits: message is `file:line:column …`. */
export function failureAt<C extends ErrorCode>(
  position: Position,
  code: C,
  ...detail: Parameters<(typeof MESSAGES)[C]>
): InterdictError<C> {
  return new InterdictError(code, `${showPosition(position)} ${messageOf(code, detail)}`, {
    position
  })
}

function messageOf<C extends ErrorCode>(code: C, detail: Parameters<(typeof MESSAGES)[C]>): string {
  const message = MESSAGES[code] as (...detail: readonly unknown[]) => string
  return message(...detail)
}
