import { quote } from './format.js'

/** Errors of starting and controlling the gateway. See `../error.ts`. */
export const OPERATION = {
  // tls, daemon, cli
  COOKIE_SECRET: (found: string) =>
    `expected one to four secrets of 32 hexadecimal digits, one per line, found ${found}`,
  COOKIE_SECRETS_UNREADABLE: (file: string, why: string) =>
    `cannot read cookie secret file ${file}: ${why}`,
  CERTIFICATE_UNREADABLE: (file: string, why: string) => `cannot read ${file}: ${why}`,
  CERTIFICATE_INVALID: (file: string, why: string) => `certificate ${file} is unusable: ${why}`,
  CERTIFICATE_KEY: (file: string, why: string) => `private key ${file} is unusable: ${why}`,
  TRANSPORT_PORTABLE: (why: string, workers: number, asked: number) =>
    `portable sockets, which take several times the CPU, with ${workers === 1 ? 'one worker' : `${workers} workers`}${workers < asked ? ` instead of ${asked}` : ''}: ${why}`,
  TLS_PORTABLE: (why: string) => `encrypted DNS takes more CPU than it needs, by node:tls: ${why}`,
  CERTIFICATE_WILDCARD: (file: string, name: string) =>
    `${file} is not for ${name}, which the names of clients need; clients that verify it cannot connect by their names`,
  CERTIFICATE_VALIDITY: (file: string, what: string, date: string) =>
    `certificate ${file} ${what} ${date}`,
  KEY_FILE_MODE: (file: string) =>
    `${file} is open to every user of this machine: chmod o-rwx ${file}`,
  TICKET_SECRET: (file: string, why: string) => `ticket secret file ${file} is unusable: ${why}`,
  PROXY_FILE: (file: string, why: string) => `cannot use proxy file ${file}: ${why}`,
  PROXY_CONNECT: (proxy: string, why: string) => `cannot use proxy ${proxy}: ${why}`,
  PROXY_REFUSED: (proxy: string, target: string, status: number) =>
    // Some proxies send 401 for CONNECT.
    status === 407 || status === 401
      ? `proxy ${proxy} rejected the credentials (HTTP status ${status}); check proxy.credentials-file`
      : `proxy ${proxy} did not connect to ${target}: HTTP status ${status}`,
  ADMIN_SOCKET: (path: string, why: string) => `cannot open admin socket ${path}: ${why}`,
  EGRESS_NFT: (program: string, why: string) =>
    `cannot change the firewall by ${program}: ${why}; it takes nftables and CAP_NET_ADMIN`,
  EGRESS_SOCKET: (path: string, why: string) => `cannot open the egress socket ${path}: ${why}`,
  RECORDER_SILENT: () => 'the recorder thread does not respond',
  CANDIDATE_FOLDER: (why: string) => `the candidate is not a rules folder in JSON: ${why}`,
  BUNDLE_NOT_USED: () =>
    'the settings name a rules folder, which is changed where it is; only a bundle can be replaced',
  PAUSE_UNKNOWN: (rule: string) => `no rule in force has the id ${quote(rule)}`,
  PAUSE_NOT_BLOCK: (rule: string, kind: string) =>
    `${rule} is ${/^[ae]/.test(kind) ? 'an' : 'a'} ${kind}; only a block can be paused, since everything else is changed in the rules alone`,
  PAUSE_REASON: (rule: string) =>
    `the pause of ${quote(rule)} needs a reason, and the name of who has decided it`,
  PAUSE_LONG: (rule: string, minutes: number) =>
    `the pause of ${quote(rule)} is too long: at most ${minutes} minutes (admin.max-pause); what is to last longer is a change of the rules`,
  PAUSE_REFUSED: (rule: string) =>
    `the pause of ${quote(rule)} is not changed, because the saved rules are refused and the previous ones remain active; correct them first`,
  ADMIN_REQUEST: (why: string) => `invalid admin request: ${why}`,
  ADMIN_BUSY: (limit: number) =>
    `too many admin clients (limit: ${limit}); try again in a few seconds`,
  ADMIN_OFF: () => 'admin socket is disabled by admin.socket in the settings',
  ADMIN_ABSENT: (path: string, why: string) =>
    `cannot connect to the gateway at admin socket ${path}: ${why}; is "interdict serve" running with these settings?`,
  ADMIN_PERMISSION: (path: string) =>
    `permission denied on admin socket ${path}; run this as root or as the user of the gateway; members of its group can read the status`,
  ADMIN_STATUS_ONLY: () => 'this socket serves only the status; use the admin socket',
  ADMIN_TIMEOUT: (path: string, timeout: number) =>
    `no reply from admin socket ${path} after ${timeout} ms; try again with a longer --timeout`,
  ADMIN_REPLY: (path: string, why: string) =>
    `invalid reply from admin socket ${path}: ${why}; does a gateway of this version listen there?`,
  ADMIN_WORKERS: (workers: string, missing: string) =>
    `no reply in time from worker ${workers}, ${missing}; try again`,
  API_TOKEN_FILE: (file: string, why: string) => `cannot use token file ${file}: ${why}`,
  API_OFF: () =>
    'the HTTP API is off: set admin.http, with admin.tls if other machines can reach it; see admin.tokens',
  API_TOKEN_EXISTS: (name: string) => `there is a token ${name} already; revoke it first`,
  API_TOKEN_ABSENT: (name: string) => `no token has the name ${name}`,
  API_REQUEST: (why: string) => `invalid request: ${why}`,
  API_LOGIN: () => 'log in, or send a token: "authorization: Bearer interdict_..."',
  API_TOKEN: () => 'unknown or revoked token',
  API_EXPIRED: (when: string) => `the token expired at ${when}`,
  API_SCOPE: (scope: string) => `the token lacks the scope ${scope}`,
  API_CSRF: (header: string) =>
    `with a session, changes need the headers ${header} and Origin, of the gateway's own pages`,
  OIDC_FILE: (file: string, why: string) => `cannot use ${file} of admin.oidc: ${why}`,
  OIDC_OFF: () => 'single sign-on is off; use a token, or set admin.oidc',
  OIDC_UNAVAILABLE: () =>
    'login is not possible at the moment; tokens continue to work. Details are in the service log',
  OIDC_STATE: () =>
    'this login has expired, is finished, or was begun in another browser; log in again',
  OIDC_REFUSED: () => 'the login provider has refused the login',
  OIDC_INVALID: () =>
    'the response of the login provider is invalid; details are in the service log',
  OIDC_ROLE: (name: string) => `${name} has no role that permits anything here`,
  API_NOT_FOUND: (what: string) => `no such ${what}`,
  API_METHOD: (allowed: string) => `method not allowed; expected ${allowed}`,
  API_SLOW: () => 'the request did not arrive in time',
  API_TOO_LARGE: (what: string) => `too large: ${what}`,
  API_MEDIA_TYPE: (expected: string) => `unsupported media type; expected ${expected}`,
  API_RATE: () => 'too many requests',
  API_LOCKED: () => 'too many invalid tokens from this address',
  API_BUSY: (what: string) => `too many requests of this kind: at most ${what} at a time`,
  API_COMMAND: (why: string) => `the process for this request failed: ${why}`,
  API_COMMAND_TIME: (limit: number) =>
    `no result within ${limit} ms; ask for a shorter period, wait longer (Prefer: wait=SECONDS), or let it run as a job (Prefer: respond-async)`,
  API_CONTROL_SILENT: () => 'the control thread does not respond',
  ALERT_SECRET: (file: string, why: string) => `cannot use alert secret file ${file}: ${why}`,
  ALERT_CA: (file: string, why: string) => `cannot read CA certificates from ${file}: ${why}`,
  ALERT_SEND: (hook: string, why: string) => `cannot send alerts to ${hook}: ${why}`,
  ALERT_DROPPED: (hook: string, alert: string, why: string) =>
    `alert to ${hook} dropped (${alert}): ${why}`,
  SMTP_FILE: (file: string, why: string) => `cannot use file ${file} of the mail server: ${why}`,
  REPORT_MAIL: (host: string, why: string) => `cannot send mail by ${host}: ${why}`,
  REPORT_RECIPIENT: (host: string, rejected: string) =>
    `${host} does not accept mail for ${rejected}`,
  REPORT_STORE: (path: string, why: string) => `cannot store report ${path}: ${why}`,
  REPORTS_BUSY: (folder: string, holder: string) =>
    `reports are being made by ${holder}: ${folder} is locked`,
  REPORTS_RUN: (why: string) => `scheduled reports could not be made: ${why}`,
  UPGRADE_UNAVAILABLE: (why: string) => `cannot upgrade without a restart: ${why}`,
  UPGRADE_FROM: (file: string, why: string) =>
    `cannot read the settings of the previous version from ${file}: ${why}`,
  UPGRADE_RUNNING: () => 'another upgrade is in progress',
  UPGRADE_FAILED: (why: string) =>
    `the new process did not take over, and the gateway continues: ${why}`,
  UPGRADE_ABANDONED: () => 'the gateway to be replaced ended before this process was ready',
  UPGRADE_PROTOCOL: (version: string, protocol: number) =>
    `cannot take over from version ${version}, which uses hand-over protocol ${protocol}; restart the gateway instead`,
  APPLY_OFF: () =>
    'rules are active when they are saved: apply needs rules.activate: manual in the settings',
  APPLY_BUSY: () => 'another apply is in progress; try again',
  APPLY_CHANGED: (planned: string, saved: string) =>
    `the rules folder has changed since it was planned: planned is SHA-256 ${planned}, saved is ${saved}; run \"interdict plan\" again`,
  RULES_APPLY: (folder: string, why: string) => `cannot copy the rules to ${folder}: ${why}`,
  PLAN_VERSION: (gateway: string, own: string) =>
    `the gateway runs version ${gateway}, and this program is version ${own}; run "interdict upgrade", or the program of the gateway`,
  GATEWAY_RESTLESS: () => 'rule files keep changing while being read',
  BACKUP_READ: (path: string, why: string) => `cannot back up ${path}: ${why}`,
  BACKUP_WRITE: (path: string, why: string) => `cannot write backup ${path}: ${why}`,
  BACKUP_BROKEN: (path: string, why: string) => `backup ${path} cannot be used: ${why}`,
  BACKUP_KEY: (path: string, why: string) => `cannot decrypt backup ${path}: ${why}`,
  BACKUP_ENTRY: (path: string, entry: string, why: string) =>
    `backup ${path} has an entry that a restore must not write, ${entry}: ${why}; nothing was restored`,
  BACKUP_RECIPIENT: (path: string, why: string) => `cannot encrypt to ${path}: ${why}`,
  RESTORE_EXISTS: (count: number, first: string) =>
    `${count} files exist already, such as ${first}; nothing was restored. --force moves them aside first`,
  RESTORE_RUNNING: (folder: string, holder: string) =>
    `a gateway uses ${folder}: ${holder} has locked it; stop it first, nothing was restored`,
  RESTORE_INCOMPLETE: (path: string, why: string) =>
    `cannot restore ${path}: ${why}; files before it are restored. Run the command again with --force`,
  INIT_EXISTS: (folder: string, files: string) =>
    `${folder} already has ${files}; nothing was written`,
  INIT_WRITE: (folder: string, why: string) => `cannot write to ${folder}: ${why}`,
  MIGRATE_UNREADABLE: (file: string, why: string) => `cannot read ${file}: ${why}`,
  MIGRATE_UNKNOWN: (file: string, servers: string) =>
    `${file} is not recognized as settings of another server; name it with --kind: ${servers}`,
  CLI_RUNTIME: (runtime: string) =>
    `Interdict needs Node.js, and this is ${runtime}: sockets, threads and TLS use functions of Node's own binary; run it with node`,
  CLI_OUTPUT: (file: string, why: string) => `cannot write ${file}: ${why}`,
  CLI_SERVICE_LOG: (path: string, why: string) => `cannot open service log ${path}: ${why}`
} as const
