/** Of settings and rules, and of bundles of them. See `../error.ts`. */
export const RULES = {
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

  // policy
  POLICY_BOUNDS: (source: string) => `source ${source} gives more names than it announced`,
  POLICY_CROWDED: (run: number, tries: number) =>
    `names collide in runs longer than ${run} under each of ${tries} random seeds`,

  POLICY_TEST: (path: string, found: string, wanted: string, question: string) =>
    `${path}: found ${found}, wanted ${wanted}, when ${question}`,

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
  BUNDLE_WRITE: (file: string, why: string) => `cannot write ${file}: ${why}`
} as const
