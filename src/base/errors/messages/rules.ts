import { quote, showSize } from './format.js'

/** Errors and warnings of settings, rules and rule bundles. See `../error.ts`. */
export const RULES = {
  // yaml, config
  DOCUMENT_SYNTAX: (why: string) => `invalid YAML: ${why}`,
  DOCUMENT_DUPLICATE: (key: string) => `duplicate key ${quote(key)}`,
  DOCUMENT_INVALID: (path: string, problem: string) =>
    path === '' ? problem : `${path}: ${problem}`,
  CONFIG_UPSTREAM_FILE: (file: string, why: string) =>
    `cannot use ${file} for this upstream: ${why}`,
  CONFIG_UNWRITABLE: (key: string, folder: string, why: string) =>
    `${key}: cannot write to ${folder}: ${why}`,
  CONFIG_FILE: (key: string, file: string, why: string) => `${key}: cannot use ${file}: ${why}`,
  CONFIG_EMPTY: (file: string) => `settings file ${file} is empty`,
  CONFIG_SELF: (endpoint: string) =>
    `upstream ${endpoint} is this gateway itself, which listens there until it is restarted`,
  CONFIG_RESTART: (keys: string) => `takes effect after restart: ${keys}`,
  CONFIG_UNREADABLE: (file: string, why: string) => `cannot read settings file ${file}: ${why}`,

  // edit
  EDIT_NETWORK: (file: string, network: string, guess: string) =>
    `${file} has no network ${quote(network)}${guess}`,
  EDIT_EXISTS: (file: string, what: string) =>
    `${file} has this already: ${what}; change it in the file, or choose another id`,
  EDIT_PLACE: (file: string, path: string) =>
    `${file}: cannot add anything at ${path}, which is not a plain list or mapping; edit the file by hand`,
  EDIT_VALUES: (why: string) => `invalid edit: ${why}`,
  EDIT_BUNDLE: () =>
    'the settings name a bundle; give the folder from which it is created with --rules',
  EDIT_CHANGED: (file: string) =>
    `${file} was changed meanwhile; nothing was written; run the command again`,
  DRAFT_NONE: (id: string) => `there is no draft ${quote(id)}`,
  DRAFT_UNREADABLE: (file: string, why: string) => `cannot read draft ${file}: ${why}`,
  DRAFT_WRITE: (file: string, why: string) => `cannot store draft ${file}: ${why}`,
  DRAFT_LIMIT: (limit: number) =>
    `there are ${limit} drafts already; discard those that are applied or no longer wanted`,
  DRAFT_LARGE: (limit: number) => `a draft has at most ${showSize(limit)} of files`,
  DRAFT_OWN: (id: string) => `${id} must be approved by another person than the one who made it`,
  DRAFT_OTHERS: (id: string, by: string) =>
    `${id} was made by ${quote(by)}; discarding it needs the scope policy`,
  DRAFT_APPLIED: (id: string, by: string) => `${id} was already put in force by ${by}`,
  DRAFT_UNAPPROVED: (id: string) =>
    `${id} is not approved; the settings require a second person (admin.approval)`,
  DRAFT_OUTDATED: (id: string, file: string) =>
    `${file} has changed since ${id} was made; make the draft again from the current rules`,
  DRAFT_BUNDLE: (id: string) =>
    `the rules come from a bundle, into which ${id} cannot be written; sign it on the page Change, or create, sign and place a new bundle`,
  DRAFT_NEEDED: () =>
    'the settings require a second person (admin.approval): make a draft, and have it approved; a bundle must be the configured rules with that draft alone',
  EDIT_WRITE: (file: string, why: string) => `cannot write ${file}: ${why}`,

  // rules
  RULES_UNREADABLE: (file: string, why: string) => `cannot read ${file}: ${why}`,
  RULES_APP_FILE: (app: string, stem: string) =>
    `app: expected the name of the file, ${quote(stem)}, found ${quote(app)}`,
  RULES_EMPTY: (path: string, missing: string) => `${path}: nothing to match; add ${missing}`,
  RULES_TOO_WIDE: (path: string, covered: string, forcible: boolean) =>
    `${path}: too broad: covers ${covered}; use narrower names${forcible ? ', =name for that name alone, or force: with the reason' : ', or =name for that name alone'}`,
  RULES_FORCED: (path: string, covered: string, why: string) =>
    `${path}: covers ${covered}; forced: ${why}`,
  RULES_FORCE_IDLE: (path: string) => `${path}: force has no effect, as no name here is too broad`,
  RULES_SHARED_NAME: (path: string) =>
    `${path}: covers one of the app's shared-names; use narrower names`,
  RULES_UNKNOWN_APP: (path: string, app: string, hint: string) =>
    `${path}: unknown app ${quote(app)}${hint || `; there is no file apps/${app}.yaml`}`,
  RULES_UNKNOWN_VENDOR: (path: string, vendor: string, hint: string) =>
    `${path}: unknown vendor ${quote(vendor)}${hint || '; no file in apps/ has it'}`,
  RULES_UNKNOWN_LIST: (path: string, list: string, hint: string) =>
    `${path}: unknown list ${quote(list)}${hint || '; define it under lists:'}`,
  RULES_UNKNOWN_SCOPE: (path: string, id: string, hint: string) =>
    `${path}: the rules have no app or list ${quote(id)}${hint}`,
  RULES_SCOPE_UNSERVED: (path: string, network: string) =>
    `${path}: network ${quote(network)} has no clients; name the networks that extend it`,
  RULES_UNKNOWN_NETWORK: (path: string, network: string, hint: string) =>
    `${path}: unknown network ${quote(network)}${hint || '; define it under networks:'}`,
  RULES_RECORD: (path: string, why: string) => `${path}: invalid record: ${why}`,
  RULES_RECORD_LINE: (why: string) => `invalid record: ${why}`,
  RULES_RECORD_BANNED: (name: string, rule: string, at: string) =>
    `record ${name} has no effect where ban ${quote(rule)} at ${at} applies: a ban beats a record`,
  RULES_RECORD_BLOCKED: (name: string, rule: string, at: string) =>
    `record ${name} is answered although block ${quote(rule)} at ${at} covers it: a record beats a block`,
  RULES_EXTENDS_CYCLE: (path: string, cycle: readonly string[]) =>
    `${path}: cyclic extends: ${cycle.join(' -> ')}`,
  RULES_NO_NETWORK: () => 'networks: no network has prefixes; add prefixes to at least one',
  RULES_AUTHORITY: (path: string, file: string, why: string) =>
    `${path}: cannot use ${file}: ${why}`,
  RULES_AUTHORITY_EXPIRED: (path: string, file: string, date: string) =>
    `${path}: a certificate in ${file} expired at ${date}; clients that it has issued are unknown`,
  RULES_AUTHORITY_NETWORK: (path: string, authority: string, network: string) =>
    `${path}: authority ${quote(authority)} may not put clients into network ${quote(network)}; add it to networks: of the authority`,
  RULES_UNKNOWN_AUTHORITY: (path: string, authority: string, hint: string) =>
    `${path}: unknown authority ${quote(authority)}${hint || '; define it under client-authorities:'}`,
  RULES_CRL: (path: string, file: string, why: string) =>
    `${path}: cannot use revocation list ${file}: ${why}`,
  RULES_CRL_EXPIRED: (path: string, file: string, date: string) =>
    `${path}: revocation list ${file} was to be replaced by ${date}; certificates revoked since are still accepted`,
  RULES_CLIENT_TWICE: (path: string, other: string) =>
    `${path}: another client has the same, at ${other}`,
  CLIENT_NONE: (name: string) => `no client ${quote(name)} under clients: in the rules`,
  RULES_CLIENT_FEWER_BANS: (path: string, own: string, than: string, exceptions: string) =>
    `${path}: an identity lifts no bans: clients of ${quote(own)} are under those of ${quote(than)} too when they connect from there; ${
      exceptions === ''
        ? `delete this entry, ${quote(own)} has the same bans`
        : `instead, write exceptions in ${quote(than)}, with the prefixes of these clients, for ${exceptions}`
    }`,
  RULES_PREFIX_TWICE: (path: string, prefix: string, other: string) =>
    `${path}: duplicate prefix ${prefix}, first used at ${other}`,
  RULES_PREFIX_OUTSIDE: (path: string, prefix: string, network: string) =>
    `${path}: prefix ${prefix} is not within the prefixes of network ${quote(network)}`,
  RULES_DATE: (path: string, found: string, expected: string, hint: string) =>
    `${path}: expected ${expected}, found ${quote(found)}${hint}`,
  RULES_DATE_ORDER: (path: string, from: string, until: string) =>
    `${path}: ${until} is not later than from, ${from}`,
  RULES_PURPOSE: (path: string, found: string, expected: string) =>
    `${path}: unknown purpose ${quote(found)}; expected ${expected}`,
  RULES_EXCEPTION_LONG: (path: string, until: string, days: number, from: string) =>
    `${path}: exception lasts too long: ${until} is more than ${days} days (exceptions.max-days) after from, ${from}`,
  RULES_DNSSEC_LONG: (path: string, until: string, days: number, from: string) =>
    `${path}: exception lasts too long: ${until} is more than ${days} days (dnssec.max-days) after from, ${from}`,
  RULES_BLANKET: (path: string, covered: string, expected: string) =>
    `${path}: exception too broad: covers ${covered}; restrict it to ${expected}`,
  RULES_ID_TWICE: (path: string, id: string, other: string) =>
    `${path}: duplicate id ${quote(id)}, first used at ${other}`,
  RULES_REPLY: (path: string, problem: string) => `${path}: ${problem}`,
  RULES_EXCEPT_OUTSIDE: (path: string, name: string) =>
    `${path}: ${name} is not below any of the names under names; to open a name of an app or list, write an exception`,
  RULES_TARGET_BANNED: (path: string) =>
    `${path}: this rule itself covers its target; choose a name that clients can resolve`,
  RULES_LIST_REFUSED: (why: string) => `list rejected: ${why}`,
  RULES_LIST_LINE: (why: string, text: string) => `line skipped: ${why}: ${quote(text)}`,
  RULES_LIST_LINES: (skipped: number, lines: number) => `${skipped} of ${lines} lines skipped`,
  RULES_LIST_EMPTY: (id: string) =>
    `list ${quote(id)} is empty; if that is expected, set may-be-empty: true in its entry`,
  RULES_LIST_LARGE: (limit: number) =>
    `list is larger than ${showSize(limit)}; if that is expected, raise max-size in its entry`,
  RULES_LIST_SLOW: (limit: number) =>
    `list rejected: compiling it takes longer than ${limit / 1000} s; split it, or raise max-time in its entry`,
  RULES_LIST_SHRUNK: (id: string, before: number, now: number) =>
    `local list ${quote(id)} shrank from ${before} to ${now} entries; it is in force: if that is a mistake, restore its file, otherwise run "interdict lists confirm ${id}"`,
  RULES_BAN_REMOVED: (ids: readonly string[]) =>
    `${ids.length === 1 ? 'ban' : `${ids.length} bans`} in force until now ${ids.length === 1 ? 'is' : 'are'} no longer: ${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ' and others' : ''}`,
  RULES_LIST_PENDING: (id: string) =>
    `list ${quote(id)} is still being compiled; rules on it match nothing until it is ready`,
  RULES_MEMORY: (needed: number, available: number, limit: string) =>
    `not enough memory for these rules: they need about ${needed} MB more, and ${limit}, leaves ${available} MB; raise the limit, or use fewer names`,
  RULES_LIST_GZIP: (why: string) => `cannot decompress list: ${why}`,
  RULES_LIST_ABSENT: (id: string, url: string) =>
    `list ${quote(id)} has no good copy from ${url} so far; rules on it match nothing`,
  RULES_ZONE_ABSENT: (id: string, zone: string) =>
    `list ${quote(id)} has no good copy of zone ${zone} so far; rules on it match nothing`,
  RULES_ZONE_NO_SOA: () => 'zone has no SOA record; it may be incomplete',
  RULES_LIST_SHARED: (id: string, count: number, names: string) =>
    `list ${quote(id)} includes shared infrastructure or public suffixes: ${count} ${count === 1 ? 'name' : 'names'}, ${names}`,
  RULES_BAN_ENDS: (path: string, end: string) => `${path}: ban ends soon: ${end}`,
  RULES_EXCEPTION_ENDS: (path: string, end: string) => `${path}: exception ends soon: ${end}`,
  RULES_BAN_ENDED: (path: string, end: string) => `${path}: ban has ended: ${end}`,
  RULES_EXCEPTION_ENDED: (path: string, end: string) => `${path}: exception has ended: ${end}`,
  RULES_REVIEW_DUE: (path: string, review: string) => `${path}: review was due at ${review}`,
  RULES_SUCCESSOR_MISSING: (path: string, app: string, successor: string) =>
    `${path}: ${app} is banned, but not its successor ${successor}`,
  RULES_PAIR_MISSING: (path: string, app: string, pair: string) =>
    `${path}: ${app} is banned, but not ${pair}, which its app file pairs it with`,
  RULES_BAN_NOT_INHERITED: (
    path: string,
    prefix: string,
    outer: string,
    bans: readonly string[],
    more: boolean
  ) =>
    `${path}: ${prefix} lies within network ${quote(outer)}, but its ${bans.length > 1 ? 'bans' : 'ban'} ${bans.join(', ')}${more ? ' and others' : ''} ${bans.length > 1 ? 'do' : 'does'} not apply here; add extends: ${outer} or the same bans, with mode: monitor if these clients are meant to be open`,
  RULES_ALLOW_BANNED: (path: string, covered: string, ban: string) =>
    `${path}: allow has no effect on ${covered}: ban ${ban} covers it and outranks allow; remove it, or write an exception for the clients that need it`,
  RULES_EXCEPTION_IDLE: (path: string, app: string, network: string) =>
    `${path}: exception has no effect: no ban in network ${quote(network)} covers app ${quote(app)}; correct the app, or remove it`,
  RULES_BAN_UNUSED: (path: string, network: string) =>
    `${path}: ban applies to no client: network ${quote(network)} has no prefixes, and no network with prefixes extends it; add prefixes here, or extends: ${network} there`,
  RULES_BAN_SHADOWED: (path: string, others: readonly string[]) =>
    `${path}: ban never decides: ${others.join(', ')}, earlier in this network, covers the same; remove one of them`,
  RULES_LIST_UNUSED: (path: string, id: string) =>
    `${path}: no rule of a network with clients uses list ${quote(id)}; use it in a rule, or remove it`,
  RULES_ALLOW_IDLE: (path: string, covered: string, network: string) =>
    `${path}: allow has no effect: nothing in network ${quote(network)} blocks ${covered}; remove it, or correct the block`,
  RULES_EXCEPTION_APART: (path: string, ban: string, early: boolean) =>
    `${path}: exception has no effect: it ${early ? 'ends before' : 'begins after'} ban ${ban} ${early ? 'begins' : 'has ended'}; correct the dates of one of them`,
  RULES_EXCEPTION_SHARE: (
    path: string,
    covered: string,
    others: readonly string[],
    more: boolean,
    most: number
  ) =>
    `${path}: exception covers ${covered}${others.length === 0 ? '' : `, together with ${others.join(', ')}${more ? ' and others' : ''}`}: more than ${most}% (exceptions.max-share); restrict it, or raise the limit`,
  RULES_PREFIX_WIDE: (path: string, prefix: string, covers: string) =>
    `${path}: ${prefix} covers ${covers}; write the prefixes that are meant`,
  RULES_ASN_DATABASE: (path: string, asn: number, why: string) =>
    `${path}: the prefixes of AS${asn} are unknown: ${why}`,
  RULES_ASN_EMPTY: (path: string, asn: number) =>
    `${path}: the ASN database has no prefixes of AS${asn}, so it matches nothing; correct the number`,
  RULES_ASN_OLD: (path: string, built: string) =>
    `${path}: the ASN database is from ${built}, more than 60 days old; replace the file (asn-database)`,
  RULES_PREFIX_INSIDE: (path: string, prefix: string, outer: string) =>
    `${path}: ${prefix} has no effect: it lies within ${outer} of the same network; remove one of the two`,
  RULES_WRITABLE: (more: number) =>
    `every user of this machine can change this${more === 0 ? '' : ` and ${more} more of the rules`}; remove the permission (chmod o-w)`,
  RULES_REVIEW_LATE: (path: string, review: string, end: string) =>
    `${path}: review at ${review} is after the end (${end}): correct one of the two`,
  RULES_DATE_FAR: (path: string, found: string) =>
    `${path}: ${found} is more than 20 years away; check the year, and the clock of this machine`,

  // policy
  POLICY_BOUNDS: (source: string) => `source ${source} yields more names than it announced`,
  POLICY_CROWDED: (run: number, tries: number) =>
    `name table: probe runs are longer than ${run} with each of ${tries} random seeds`,

  RULES_MUST_RESOLVE: (path: string, name: string, rule: string, network: string, when: string) =>
    `${path}: ${name} must resolve, but ${rule} blocks it in network ${quote(network)}${when}; narrow that rule, or allow the name there`,
  POLICY_TEST: (path: string, found: string, expected: string, question: string) =>
    `${path}: expected ${expected}, found ${found}, when ${question}`,
  POLICY_TEST_UNDECIDED: (path: string, list: string, question: string) =>
    `${path}: not decided, since list ${quote(list)} has no content yet: ${question}`,

  // sources/bundle
  BUNDLE_UNREADABLE: (bundle: string, why: string) => `cannot read bundle ${bundle}: ${why}`,
  BUNDLE_BROKEN: (bundle: string, why: string) => `corrupt bundle ${bundle}: ${why}`,
  BUNDLE_SIGNATURE: (bundle: string, key: string) =>
    `bundle ${bundle} has an invalid signature of key ${key}`,
  BUNDLE_UNSIGNED: (bundle: string, found: number, required: number) =>
    `bundle ${bundle} has ${found} of ${required} required signatures by trusted keys; add them with "interdict bundle sign", or check the trusted keys`,
  BUNDLE_EXPIRED: (bundle: string, expired: string, now: string) =>
    `bundle ${bundle} expired at ${expired} (current time: ${now})`,
  BUNDLE_EARLY: (bundle: string, created: string, now: string) =>
    `bundle ${bundle} was created at ${created}, in the future (current time: ${now})`,
  BUNDLE_SERIAL: (bundle: string, serial: number, highest: number) =>
    `bundle ${bundle} has serial ${serial}, but none above ${highest} is accepted now, so that later bundles have higher ones; create it again with a lower serial, such as the Unix time, and check the clock`,
  BUNDLE_OLDER: (bundle: string, serial: number, newest: number) =>
    `bundle ${bundle} has serial ${serial}, but serial ${newest} has been accepted here before; to go back, use "interdict rollback", or create it again with a higher serial`,
  BUNDLE_OTHER: (bundle: string, serial: number, accepted: string) =>
    `bundle ${bundle} differs from the bundle with serial ${serial} that was accepted here, SHA-256 ${accepted}`,
  BUNDLE_TRUST: (where: string, why: string) => `no trusted public key in ${where}: ${why}`,
  BUNDLE_STATE: (path: string, why: string) =>
    `cannot use the record of accepted bundles, ${path}: ${why}`,
  BUNDLE_ENDS: (serial: number, expires: string) => `active bundle ${serial} expires at ${expires}`,
  BUNDLE_ENDED: (serial: number, expired: string) =>
    `active bundle ${serial} expired at ${expired} and remains active, as no newer bundle has arrived`,
  BUNDLE_ROLLED_BACK: (from: number, to: number, by: string, at: string) =>
    `rolled back from bundle ${from} to ${to} by ${by} at ${at}; bundle ${from} will not be accepted again`,
  BUNDLE_NOT_KEPT: (serial: number) =>
    `no accepted bundle with serial ${serial} is stored; see "interdict rollback --list"`,
  BUNDLE_NO_EARLIER: () => 'no bundle accepted before the active one is stored',
  BUNDLE_OFF: () => 'rules.bundle is not set: these settings load the rules from a folder',
  BUNDLE_KEY: (file: string, why: string) => `no Ed25519 private key in ${file}: ${why}`,
  BUNDLE_PACK: (folder: string, why: string) => `cannot pack ${folder}: ${why}`,
  BUNDLE_WRITE: (file: string, why: string) => `cannot write ${file}: ${why}`
} as const
