/** Of what is recorded of lookups, and what becomes of it. See `../error.ts`. */
export const RECORDS = {
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
  ARCHIVE_PROCESS: (why: string) => `the process that looks after the query log: ${why}`,
  ARCHIVE_TALLY: (path: string) =>
    `the tally ${path} is not what was made, so the lookups were read themselves`,
  ARCHIVE_FAILED: (path: string, why: string) => `the archive ${path} cannot be kept: ${why}`,
  ARCHIVE_NEWER: (path: string, version: number) =>
    `${path} has lines of schema ${version}, of a newer Interdict: it stays as it is`,
  ARCHIVE_READ: (path: string, why: string) => `cannot read the query log ${path}: ${why}`,
  ARCHIVE_LINE: (path: string) =>
    `${path}: found a line of more than 32 MB, wanted records of lookups: take it out`,
  ARCHIVE_SQL: (why: string) => `the query failed: ${why}`,
  ARCHIVE_SQL_WRITES: () => 'found something else than one SELECT, wanted one: logs are only read',
  REPORT_NO_ID: (kind: string, id: string, hint: string) =>
    `there is no ${kind} ${id}, neither in the rules nor in the log${hint}`,
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
  REPLAY_CAPTURE: (file: string) =>
    `${file} holds packets as they were captured, wanted what tshark makes of them: tshark -r ${file} -Y 'dns.flags.response == 0' -T json`,
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
    `another output or gateway keeps what waits in ${folder}, the folder of the output ${name} (${holder}): wanted one for each`
} as const
