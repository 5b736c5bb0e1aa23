import { quote } from './format.js'

/** Errors of the query log, its archive and outputs, and replay. See `../error.ts`. */
export const RECORDS = {
  // querylog
  LOG_RING_SIZE: (octets: number, from: number, to: number) =>
    `invalid ring size ${octets}: expected a power of two from ${from} to ${to} bytes`,
  LOG_OPEN: (path: string, why: string) => `cannot open query log ${path}: ${why}`,
  LOG_WRITE: (path: string, why: string) => `cannot write query log ${path}: ${why}`,
  LOG_ROTATE: (path: string, why: string) => `cannot rotate query log ${path}: ${why}`,
  LOG_MOVED: (path: string) =>
    `query log ${path}, or its folder, was moved a minute ago: creating it again; the lookups since are in the moved file`,
  LOG_DELETED: (path: string) => `query log ${path} was deleted while in use: creating it again`,
  LOG_FOLLOW: (path: string, why: string) => `cannot follow query log ${path}: ${why}`,
  STATE_LOCKED: (folder: string, holder: string) =>
    `another gateway uses the state folder ${folder}: ${holder} has locked it; give each gateway its own`,
  LOG_LOCKED: (folder: string, holder: string) =>
    `query log folder ${folder} is locked by ${holder}; give each gateway its own log folder`,
  LOCK_UNAVAILABLE: (folder: string, why: string) =>
    `cannot lock ${folder}: ${why}; nothing keeps another process from writing there`,
  LOCK_SHARED: (folder: string, type: string) =>
    `${folder} is on ${type}: its lock does not exclude processes on other machines; let no other machine write there`,
  LOG_OVERRUN: (lookups: number) =>
    `${lookups} lookups not logged: queue full, as they arrived faster than they could be written`,
  LOG_BANS: (path: string, why: string) =>
    `cannot keep the names of former bans in ${path}: ${why}; once their ban is removed, their lookups may not be logged`,
  BINDINGS_HISTORY: (path: string, why: string) =>
    `cannot write the history of bindings ${path}: ${why}; which device had an address meanwhile will not be known`,
  BINDINGS_FEED: (name: string, why: string) =>
    `feed ${name} of bindings is down: ${why}; the devices that it names are unknown until it works`,
  BINDINGS_LINE: (name: string, first: string, lines: number) =>
    `feed ${name} of bindings has lines that cannot be read: ${first}, ${lines} in all; they are skipped`,
  BINDINGS_NO_API: (feed: string) =>
    `feed ${quote(feed)} takes lines from the HTTP API only, which is off: set admin.http`,
  BINDINGS_REFUSED: (feed: string, first: string, lines: number) =>
    `bindings for feed ${feed} refused, nothing has changed: ${first}; lines that are wrong: ${lines}`,
  RADIUS_REFUSED: (feed: string, from: string, why: string) =>
    `feed ${feed} refused RADIUS accounting from ${from}: ${why}`,
  BINDINGS_READ: (folder: string, why: string) =>
    `cannot read the history of bindings in ${folder}: ${why}`,
  EGRESS_FINDINGS: (path: string, why: string) =>
    `cannot write findings of egress to ${path}: ${why}; they wait in memory, retrying every 10 s`,
  EGRESS_OBSERVE_SOCKET: (path: string, why: string) =>
    `cannot listen on ${path}: ${why}; create its folder, or give another path with --socket`,
  EGRESS_UNOBSERVED: (why: string) =>
    `connections of clients are not observed: ${why}; who bypasses a ban meanwhile will not be known`,
  EGRESS_UNDENIED: (why: string, networks: readonly string[] = []) => {
    const ordered = networks.map(one => `'${one}'`).join(', ')
    const what = ordered === '' ? 'egress: deny' : `network ${ordered} has egress: deny, which`
    return `${what} is not in force: ${why}`
  },
  EGRESS_RESTORED: (what: string) =>
    `another program changed the table of denied addresses, and it was restored: ${what}`,
  EGRESS_KEPT: (network: string, address: string, name: string) =>
    `${name} has the address ${address}, which stays denied in network ${network}: until other clients use it by other names, it may be there to open the address`,
  EGRESS_EXPORT: (why: string) => `denied addresses cannot be exported: ${why}`,
  EGRESS_READ: (folder: string, why: string) =>
    `cannot read the findings of egress in ${folder}: ${why}`,
  PRIVACY_KEY: (path: string, why: string) => `cannot use pseudonym key ${path}: ${why}`,
  PRIVACY_NO_KEY: (folder: string, when: string) =>
    `no pseudonym key ${when} in ${folder}: none was created, or it has been deleted`,
  KEEP_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: unknown network ${quote(network)}${hint || '; define it in networks.yaml of the rules'}`,
  REPORT_BAN: (report: string, ban: string, hint: string) =>
    `report ${quote(report)}: the rules have no ban ${quote(ban)}${hint || '; the report works only while the query log has lookups of that ban'}`,
  PRIVACY_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: unknown network ${quote(network)}${hint || '; define it in networks.yaml of the rules'}`,
  LISTEN_REFUSES_ALL: (listener: string, kinds: string) =>
    `${listener} refuses every client: anonymous-clients is refuse, it identifies clients by ${kinds}, and no client in the rules has any`,
  CLIENT_CERTIFICATES_OFF: (client: string) =>
    `no listener asks clients for certificates, so clients.${client} is never identified by its own; set client-certificates: ask at a listener for DNS over TLS or HTTPS`,

  // querylog/archive
  ARCHIVE_NO_DUCKDB: (why: string) =>
    `cannot load DuckDB, which this needs; install the package interdict-analysis, or "npm install @duckdb/node-api" (${why})`,
  ARCHIVE_BROKEN: (paths: string) => `not valid Parquet, skipped: ${paths}`,
  ARCHIVE_PROCESS: (why: string) => `query log maintenance process failed: ${why}`,
  ARCHIVE_TALLY: (path: string) =>
    `tally ${path} has been altered; reading the logged lookups instead`,
  ARCHIVE_FAILED: (path: string, why: string) => `cannot maintain archive ${path}: ${why}`,
  ARCHIVE_NEWER: (path: string, version: number) =>
    `${path} has lines of schema ${version}, written by a newer Interdict; left unchanged`,
  ARCHIVE_READ: (path: string, why: string) => `cannot read query log ${path}: ${why}`,
  ARCHIVE_LINE: (path: string) =>
    `${path} has a line longer than 32 MB, which no lookup record is; remove it`,
  ARCHIVE_SQL: (why: string) => `query failed: ${why}`,
  ARCHIVE_SQL_WRITES: () => 'expected a single SELECT statement: the query log is read-only',
  REPORT_NO_ID: (kind: string, id: string, hint: string) =>
    `unknown ${kind} ${quote(id)}: neither in the rules nor in the query log${hint}`,
  ARCHIVE_CLOCK: (before: string, now: string) =>
    `clock jumped from ${before} to ${now}; retention of the query log is suspended until the clock has run on from there for a day`,
  ARCHIVE_BUSY: (folder: string, holder: string) =>
    `query log maintenance is running in ${folder} (${holder}); try again later`,
  ARCHIVE_NO_FILE: (path: string, folder: string) =>
    `${path} is not a closed query log file in ${folder}`,
  ARCHIVE_NO_CHAIN: (folder: string, why: string) =>
    `nothing removed from ${folder}, as the chain could not prove the removal: ${why}`,
  CHAIN_KEY: (path: string, why: string) =>
    `cannot use signing key ${path} (log.queries.chain): ${why}`,
  CHAIN_BROKEN: (where: string, why: string, aside: string) =>
    `${where}: query log chain is broken (${why}); kept as ${aside}, and a new chain begins`,
  CHAIN_ALTERED: (path: string) =>
    `${path} does not match the query log chain: it has been altered; left unchanged`,
  CHAIN_WRITE: (path: string, why: string) => `cannot write query log chain ${path}: ${why}`,
  WITNESS_FAILED: (to: string, why: string) => `query log not witnessed by ${to}: ${why}; retrying`,
  WITNESS_CA: (path: string, why: string) =>
    `cannot use certificates of the time-stamping authority ${path}: ${why}`,
  CHAIN_READ: (path: string, why: string) => `cannot read query log chain ${path}: ${why}`,

  // replay
  REPLAY_UNREADABLE: (file: string, why: string) => `cannot read log ${file}: ${why}`,
  REPLAY_TORN: (file: string, why: string) => `log ${file} is truncated: ${why}`,
  REPLAY_UNKNOWN: (file: string) =>
    `cannot detect the format of log ${file}; specify it with --log-format`,
  REPLAY_CAPTURE: (file: string) =>
    `${file} is a packet capture; convert it first: tshark -r ${file} -Y 'dns.flags.response == 0' -T json`,
  REPLAY_FOREIGN: (place: string, format: string, why: string) =>
    `${place}: no lookup found in the whole log (${why}); is its format really ${format}?`,

  // querylog/export
  OUTPUT_DOWN: (name: string, why: string) =>
    `output ${name} is unreachable: ${why}; spooling lookups to disk`,
  OUTPUT_OVERRUN: (name: string, lookups: number) =>
    `${lookups} lookups not sent to output ${name}: backlog full`,
  OUTPUT_REFUSED: (name: string, lookups: number, why: string) =>
    `output ${name} has rejected ${lookups} lookups so far: ${why}`,
  OUTPUT_SPOOL: (name: string, folder: string, why: string) =>
    `cannot spool lookups for output ${name} in ${folder}: ${why}`,
  OUTPUT_LOCKED: (name: string, folder: string, holder: string) =>
    `spool folder ${folder} of output ${name} is locked by ${holder}; give each output its own folder`
} as const
