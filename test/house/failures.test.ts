import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { allRows } from './markdown.js'

const PAGE = 'docs/operations/failures.md'

/**
 * First cells of the tables under "What happens when", and the test that provokes each: a scenario,
 * or a file and a part of a test title in it.
 */
const SHOWN: Readonly<Record<string, readonly [file: string, words?: string]>> = {
  'message shorter than a header, or a response': ['scenarios/message-short.yaml'],
  'ASN database missing or corrupt': ['daemon/asn.test.ts', 'survives a broken one'],
  'malformed message, or not exactly one question': ['scenarios/message-two-questions.yaml'],
  'unknown opcode or EDNS version': ['scenarios/message-opcode.yaml'],
  'RD clear': ['scenarios/rd-clear.yaml'],
  'ANY over UDP': ['scenarios/any.yaml'],
  'EDNS options from an upstream': ['scenarios/edns-upstream-options.yaml'],
  'COOKIE option of invalid length': ['scenarios/cookie-malformed.yaml'],
  'client without a valid cookie': [
    'server/cookie-limit.test.ts',
    'that supports cookies gets BADCOOKIE'
  ],
  'certificate, label or token of nobody': [
    'daemon/identity.test.ts',
    'refuses unknown clients where the settings'
  ],
  'feed of bindings down': ['daemon/bindings.test.ts', 'knows no device while the feed is down'],
  'lines of a feed that are not bindings': [
    'daemon/bindings.test.ts',
    'or says nothing that can be read'
  ],
  'wrong lines for a feed over HTTP': [
    'daemon/push-bindings.test.ts',
    'nothing of a request with a wrong line'
  ],
  'bindings thread dies': ['daemon/bindings.test.ts', 'while its thread is dead'],
  'RADIUS accounting forged, or of another secret': [
    'sources/bindings/radius-feed.test.ts',
    'logs what it refuses'
  ],
  'RADIUS accounting replayed': ['sources/bindings/radius.test.ts', 'a replay is refused'],
  'address moved, within the clock skew': [
    'policy/bindings/store.test.ts',
    'a moved address is certain only after the skew'
  ],
  'history of bindings cannot be written': [
    'querylog/bindings/history.test.ts',
    'after a write that failed'
  ],
  'helper for connections does not run': ['daemon/egress/observed.test.ts', 'observes connections'],
  'denied addresses fetched before they are known': [
    'daemon/egress/export.test.ts',
    'never an empty list'
  ],
  'export key missing or broken': ['daemon/egress/export.test.ts', "'no key'"],
  'serial of denied addresses lost': ['daemon/egress/export.test.ts', 'lost or broken'],
  'helper for denied addresses does not run': ['daemon/egress/denied.test.ts', 'its table stays'],
  'table of denied addresses changed by others': [
    'daemon/egress/denied.test.ts',
    'a change by others'
  ],
  'observation thread dies': ['daemon/egress/observed.test.ts', 'observes connections'],
  'connection tracking cannot be read': [
    'daemon/egress/connection-server.test.ts',
    'says why connections cannot be read'
  ],
  'more connections than can be judged': [
    'daemon/egress/ordinary-clients.test.ts',
    'counts what it has no room for'
  ],
  'findings of egress cannot be written': [
    'querylog/egress/findings.test.ts',
    'keeps lines while the disk accepts none'
  ],
  'client deleted or revoked': ['daemon/identity.test.ts', 'a revoked, deleted or moved client'],
  'client recognized in a network with other bans': ['scenarios/identity-adds-bans.yaml'],
  'somebody spoofs a client that has a cookie': [
    'server/cookie-limit.test.ts',
    'has a limit of its own'
  ],
  'invalid cookie secrets': ['daemon/cookies.test.ts', 'and invalid ones change nothing'],
  'query in class CH': ['scenarios/identity.yaml'],
  'zone transfer, TSIG, or a class other than IN and CH': ['scenarios/message-transfer.yaml'],
  'special-use name': ['scenarios/special-use-absent.yaml'],
  'client outside every network': ['scenarios/stranger.yaml'],
  'bad rules at the start': ['daemon/emptied.test.ts', 'at the start: without valid rules'],
  'proxy refuses or does not respond': ['http/http-client.test.ts', 'errors name the proxy'],
  'redirect through a proxy to an internal address': [
    'sources/http/redirect-guard.test.ts',
    'through a proxy, whose own address'
  ],
  'catalogue unreachable, expired, altered or unsigned': [
    'cli/catalogue.test.ts',
    'a catalogue that is unsigned, altered, expired or missing'
  ],
  'rules fail their tests with a new catalogue': [
    'cli/catalogue.test.ts',
    'an update that fails the policy tests'
  ],
  'policy test fails on reload': [
    'daemon/policy-test-gate.test.ts',
    'rules that fail their policy tests are refused like errors'
  ],
  'saved rules that wait to be applied': [
    'daemon/apply.test.ts',
    'rules that fail their tests are not applied, and a restart serves what was'
  ],
  'rules folder changed after `plan`': [
    'daemon/apply.test.ts',
    'saved rules wait until exactly these are applied'
  ],
  'policy test fails at the start': [
    'daemon/policy-test-gate.test.ts',
    'at the start: rules that fail their policy tests do not start'
  ],
  'rules block a name that must resolve': [
    'daemon/must-resolve.test.ts',
    'rules that block a name that must resolve are refused'
  ],
  'policy test fails by time alone': [
    'daemon/policy-test-gate.test.ts',
    'a test that the rules in force fail as well refuses an edit, but no list'
  ],
  'rules that satisfy a mandate less': [
    'daemon/mandates.test.ts',
    'rules that satisfy a mandate less are refused, and the ban stays'
  ],
  'mandate added that the rules fall short of': [
    'daemon/mandates.test.ts',
    'a mandate that is added does not change the rules, and fails the policy state'
  ],
  'mandate not satisfied at the start': [
    'daemon/mandates.test.ts',
    'at a restart, the rules that were in force last are served instead'
  ],
  'mandate file deleted, invalid, unsigned or older': ['daemon/mandates.test.ts', 'stays in force'],
  'policy test on a list without content': [
    'daemon/policy-test-gate.test.ts',
    'a test that depends on a list without content neither passes nor refuses'
  ],
  'bad rules on reload': ['daemon/emptied.test.ts', 'on reload: the previous rules remain active'],
  'empty list': ['daemon/emptied.test.ts', 'a list of zero names after one of a million'],
  'list cannot be fetched or verified': [
    'sources/http/update-list.test.ts',
    'the previous copy stays:'
  ],
  'indicator of a feed expires': [
    'daemon/expire-indicators.test.ts',
    'an indicator leaves the snapshot when its time has come, without its file'
  ],
  'local list shrank too much': [
    'daemon/unconfirmed.test.ts',
    'a local list that shrinks is reported until it is confirmed'
  ],
  'ban in force removed from the rules': [
    'daemon/unconfirmed.test.ts',
    'a ban that was in force and is removed is reported'
  ],
  'query log or its folder moved': [
    'querylog/record/log-file.test.ts',
    'a file that was moved with its folder is reported'
  ],
  'fetched list shrank too much': [
    'sources/http/update-list.test.ts',
    'a list that shrinks is quarantined until it'
  ],
  'no copy of a fetched list at the start': [
    'daemon/remote-lists.test.ts',
    'a start without a copy'
  ],
  'invalid zone data from a primary': [
    'sources/axfr/refused.test.ts',
    ': rejected as a whole, and the last valid'
  ],
  'IXFR fails or does not fit': [
    'sources/axfr/update-zone.test.ts',
    'where IXFR fails, AXFR is used'
  ],
  'crash while a zone journal is written': [
    'sources/axfr/journal.test.ts',
    'wherever a journal is torn, its complete'
  ],
  'older zone in a full transfer': [
    'sources/axfr/update-zone.test.ts',
    'no version replaces a newer one'
  ],
  'no usable primary': [
    'daemon/zone-transfers.test.ts',
    'a start without a copy, and without a primary'
  ],
  'expired zone': ['daemon/zone-transfers.test.ts', 'an expired copy remains active'],
  'NOTIFY from elsewhere, or wrongly signed': [
    'daemon/zone-transfers.test.ts',
    'NOTIFY from elsewhere'
  ],
  'repeated NOTIFY': ['daemon/zone-refresher.test.ts', 'anything new is acted on once a second'],
  'transfer thread dies': ['daemon/zone-transfers.test.ts', 'a transfer thread that dies'],
  'probe thread dies': [
    'daemon/probe.test.ts',
    'settings turn it on and off, and its thread is restarted'
  ],
  'validation thread dies': [
    'daemon/enforce.test.ts',
    'without the validation thread, answers fail closed, and hits are served'
  ],
  'with `dnssec: enforce`, an answer fails validation': [
    'daemon/enforce.test.ts',
    'stale answers: only what was validated, and never in place of what is bogus'
  ],
  "with `dnssec: enforce`, a rollover of the root's key was missed": [
    'daemon/anchor-bundles.test.ts',
    'a root key rollover by signed bundle'
  ],
  'with `dnssec: enforce`, an answer gets no verdict in time, or too many wait': [
    'dnssec/forwarder.test.ts',
    'the link fails closed: without a port, with too many, after too long'
  ],
  'invalid TSIG secret': ['daemon/zone-transfers.test.ts', 'invalid secrets'],
  'file with HTTP headers for a list is unusable': [
    'sources/http/update-list.test.ts',
    'headers from a file, for their own host alone'
  ],
  'fetcher thread dies': ['daemon/remote-lists.test.ts', 'a fetcher that dies'],
  'two `interdict certificate renew` at once': ['acme/renew.test.ts', 'one at a time'],
  'two `interdict lists update` at once': ['cli/lists.test.ts', 'one command at a time'],
  'list that compiles slowly': [
    'daemon/list-compiler.test.ts',
    'a changed rule does not wait for a changed list'
  ],
  'list thread dies': ['daemon/list-compiler.test.ts', 'a thread that dies'],
  'list larger than `max-size`': ['rules/list-files.test.ts', 'a gzip bomb'],
  'file that is not a list': ['rules/list-file.test.ts', 'a line of 10 MB as one bad line'],
  'list lines that do not apply to DNS': [
    'rules/list-adblock.test.ts',
    'what is for browsers, each kind apart'
  ],
  'control characters in rules': ['yaml/read.test.ts', 'control characters in values'],
  'pipe or device in place of a file': [
    'daemon/stuck-reload.test.ts',
    'a pipe or a device instead'
  ],
  'file system with the rules hangs': [
    'daemon/stuck-reload.test.ts',
    'that never ends is reported'
  ],
  'working folder deleted': [
    'cli/serve-failures.test.ts',
    'working folder is deleted and restored'
  ],
  'unsigned or damaged bundle': ['daemon/bundles.test.ts', 'a damaged bundle, a folder'],
  'expired, future or older bundle': [
    'sources/bundle/choose-bundle.test.ts',
    'a clock that is set back makes no old'
  ],
  'active bundle expires': ['daemon/bundle-expiry.test.ts', 'once a day'],
  'bad or missing bundle at the start': [
    'daemon/bundle-restart.test.ts',
    'serves the last good one'
  ],
  'no good bundle ever': ['daemon/bundle-restart.test.ts', 'a first start without a valid bundle'],
  'a bundle by a revoked key': [
    'sources/root/choose-bundle.test.ts',
    'a bundle in force by a revoked key gives way'
  ],
  'no stored bundle by a trusted key': [
    'sources/root/choose-bundle.test.ts',
    'without any bundle by a trusted key the one in force remains'
  ],
  'root of trust expired': ['sources/root/choose-bundle.test.ts', 'under an expired root'],
  'root of trust refused': ['fleet/root-offer.test.ts', 'a root that is refused changes nothing'],
  'accepted root of trust damaged': [
    'sources/root/accept-root.test.ts',
    'a damaged accepted root does not lead back'
  ],
  'rollback to an earlier bundle': [
    'daemon/bundle-restart.test.ts',
    'a rollback is active at once'
  ],
  'record of accepted bundles damaged or not writable': [
    'daemon/bundle-restart.test.ts',
    'damaged state'
  ],
  'rule files change while they are read': ['daemon/reload.test.ts', 'written piece by piece'],
  'address or port taken or not permitted': ['cli/serve-failures.test.ts', 'a port in use'],
  'two gateways start at the same instant': [
    'daemon/refused.test.ts',
    'two that start at the same time'
  ],
  '`interdict upgrade`': ['interop/hand-over.ts', 'queries during three upgrades'],
  'rules have errors during an upgrade': [
    'daemon/hand-over.test.ts',
    'do not prevent a replacement'
  ],
  'new process fails during an upgrade': ['interop/hand-over.ts', 'that fails changes nothing'],
  'gateway ends during an upgrade': [
    'daemon/hand-over.test.ts',
    'whose predecessor ends too early says so'
  ],
  'log or admin socket fails after one': [
    'daemon/hand-over.test.ts',
    'another gateway takes over the sockets'
  ],
  'package replaced or deleted': [
    'interop/upgrade.ts',
    'everything works in a gateway whose package was'
  ],
  'OpenSSL untried, or not as expected': [
    'tls/openssl-check.test.ts',
    'versions that nobody has tried are not called'
  ],
  'koffi unavailable, or not Linux': [
    'udp/transport.test.ts',
    'auto falls back to portable and says why'
  ],
  'upstream timeout': [
    'upstream/failover.test.ts',
    'fails over to the next upstream after a timeout'
  ],
  'upstream unreachable': [
    'upstream/undelivered.test.ts',
    'fails over at once when an upstream refuses'
  ],
  'segmented sends not supported': [
    'udp/segmented-send.test.ts',
    'without UDP_SEGMENT every datagram is sent by itself'
  ],
  'local upstream down during a segmented send': [
    'upstream/undelivered.test.ts',
    'ICMP that quotes several queries ends all of the segmented send'
  ],
  'ICMP that quotes no pending query': ['upstream/undelivered.test.ts', 'ICMP that quotes ${it}'],
  'all upstreams down': ['daemon/loss.test.ts', 'all packets are lost'],
  'all upstreams down, expired answer cached': ['scenarios/stale-failure.yaml'],
  'prefetch fails': ['scenarios/prefetch-failed.yaml'],
  'all forwarders of a network down': [
    'daemon/forwarders.test.ts',
    'never falls back to the upstreams of the settings'
  ],
  'forwarders of a network change meanwhile': ['upstream/sets.test.ts', 'an unknown set fails'],
  'AAAA lookup fails, DNS64': ['scenarios/dns64.yaml'],
  'upstreams exceed `stale-after`': ['scenarios/stale-late.yaml'],
  'forwarding loop': ['daemon/loops.test.ts', 'that forward to each other detect'],
  'no upstream configured': ['daemon/no-upstream.test.ts', 'without an upstream it starts'],
  'invalid or mismatched response': ['upstream/matching.test.ts', 'ignores a response with'],
  'response with wrong letter case': [
    'upstream/case.test.ts',
    'in the wrong case is retried over TCP'
  ],
  'response with a missing or wrong cookie': [
    'upstream/cookies.test.ts',
    'discards a response with'
  ],
  'upstream rejects or ignores queries with cookies': [
    'upstream/cookies.test.ts',
    'answers the option with RCODE'
  ],
  'upstream that does not know EDNS': ['upstream/edns.test.ts', 'queries go without EDNS'],
  'error from an upstream': ['upstream/failover.test.ts', 'an upstream that is down is tried'],
  'alias of a rule leads to an alias of a rule': ['scenarios/alias-loop.yaml'],
  'answer ends with an alias': ['scenarios/upstream-alias-alone.yaml'],
  'BADCOOKIE from an upstream': ['upstream/cookies.test.ts', 'second BADCOOKIE: retries over TCP'],
  'unrelated records in an answer': ['scenarios/unrelated-records.yaml'],
  'truncated answer': ['upstream/tcp.test.ts', 'retries over TCP when truncated'],
  'internal address for an external name': ['scenarios/rebinding-guard.yaml'],
  'answer leads to a banned name or address': ['scenarios/lead-cname.yaml'],
  'reply larger than the client accepts': ['scenarios/edns-size.yaml'],
  'client exceeds `limits.queries-per-second`': ['server/query-limit.test.ts', 'a limit answers'],
  'client exceeds `tcp.max-connections-per-client`': [
    'server/trusted-proxies.test.ts',
    'counts connections by the client'
  ],
  '`tls.max-handshakes` or `tcp.max-connections` reached': [
    'server/eviction.test.ts',
    'half-open handshakes do not lock out a newcomer'
  ],
  'client exceeds `limits.cpu-percent`': [
    'server/cpu-shedding.test.ts',
    'a client that sends KeyUpdates is shed'
  ],
  'slow or stalled TCP client': ['server/tcp.test.ts', 'octet'],
  'replies exceed `limits.responses-per-second`': ['server/response-limit.test.ts', 'limits ${it}'],
  'front end does not name the client': ['scenarios/identity-unsaid.yaml'],
  'unlisted sender claims another client address': ['scenarios/abuse-stranger-everything.yaml'],
  'worker crashes': ['daemon/worker-deaths.test.ts', 'a worker dies: the others keep serving'],
  'worker dies while it writes to the cache': [
    'cache/shared.test.ts',
    'a thread that died while writing'
  ],
  'worker hangs or dies with queries in flight': [
    'resolver/shared-queries.test.ts',
    'a worker that died keeps nobody waiting'
  ],
  'worker leaks memory': ['daemon/memory.test.ts', 'a worker that leaks memory is restarted'],
  'upstream recovers': ['daemon/stale.test.ts', 'cached failures are flushed'],
  'worker out of memory at once': ['daemon/memory.test.ts', 'runs out of memory at once: no hang'],
  'mandates cannot be stored': [
    'daemon/mandates.test.ts',
    'are refused although the state cannot be written'
  ],
  'bad key of an authority of mandates': [
    'daemon/mandates.test.ts',
    'settings with a bad key of an authority are refused'
  ],
  'clients cannot verify a TLS listener': [
    'daemon/probe.test.ts',
    'every TLS listener is verified as a strict client would'
  ],
  'rules or a list that do not fit in memory': [
    'daemon/memory-budget.test.ts',
    'a list that does not fit is refused with figures'
  ],
  'history of rules cannot be written': [
    'daemon/history.test.ts',
    'a history that cannot be written delays no rules'
  ],
  'centre of the fleet away: history of rules': [
    'fleet/history-sender.test.ts',
    'what the centre has not confirmed is sent again'
  ],
  'content of NATS deleted or replaced': [
    'interop/fleet-altered.ts',
    'is noticed within a minute, and restored'
  ],
  'hub that leads dies, hangs or is cut off': ['interop/two-hubs.ts', 'round ${i + 1}: ${fault}'],
  'NATS server hangs': [
    'interop/fleet.ts',
    'a NATS server that hangs costs no more than one that is killed'
  ],
  'NATS servers refuse or drop connections': [
    'fleet/reconnect.test.ts',
    'a gateway connects again, whatever servers do'
  ],
  'history of rules cut off by a crash': [
    'sources/history.test.ts',
    'a line that a crash has cut off'
  ],
  'compiler thread dies before it has recorded': [
    'daemon/history.test.ts',
    'a compiler thread that dies before it has written'
  ],
  'version asked for is not stored in full': [
    'cli/history.test.ts',
    'a list that is not stored: nothing is claimed where it might have decided'
  ],
  'state folder full or read-only': [
    'daemon/remote-list-status.test.ts',
    'a list whose failure cannot be recorded'
  ],
  'recorder dies, or the disk is full': [
    'daemon/other-deaths.test.ts',
    'the recorder dies: answers continue'
  ],
  'query log or its folder deleted': [
    'querylog/record/log-file.test.ts',
    'a deleted file, or folder, is created again'
  ],
  'two gateways, one query log folder': [
    'daemon/log-lock.test.ts',
    'a second gateway with the same log folder'
  ],
  'two gateways, one state folder': [
    'cli/state-lock.test.ts',
    'a second process on the state folder ends, until the first one is killed'
  ],
  'lock of a log folder deleted': [
    'daemon/log-lock.test.ts',
    'reports once that another process has taken'
  ],
  'log folder cannot be locked': ['daemon/log-lock.test.ts', 'where nothing can be locked'],
  'service log or its folder deleted': [
    'querylog/record/service-log.test.ts',
    'creates a deleted file, or folder, again'
  ],
  'two gateways or outputs, one spool folder': [
    'daemon/log-lock.test.ts',
    'a spool folder belongs to one output'
  ],
  'HTTP API client floods, hangs or sends garbage': ['daemon/api/api.test.ts', 'limits'],
  'token file of the HTTP API broken': [
    'daemon/api/tokens.test.ts',
    'a changed file counts at once; a broken one does not'
  ],
  'certificate of `admin.tls` broken': [
    'daemon/api/listener.test.ts',
    'TLS, with a certificate that is replaced'
  ],
  'question to the query log takes too long': [
    'daemon/commands.test.ts',
    'a process that hangs, or that nobody waits for'
  ],
  'gateway ends while a command or job runs': [
    'daemon/commands.test.ts',
    'processes end when the gateway ends'
  ],
  'its process dies or sends garbage': [
    'daemon/commands.test.ts',
    'a process that fails otherwise'
  ],
  'new address of `admin.http` is taken': ['daemon/http-live.test.ts', 'that is taken'],
  'HTTP thread dies': ['daemon/http.test.ts', 'health and metrics over HTTP'],
  'alert thread dies': ['daemon/alert-hook.test.ts', 'nothing is lost when the thread dies'],
  'webhook down': ['daemon/alert-hook.test.ts', 'after a failure it waits longer each time'],
  'output thread dies': ['daemon/export-handle.test.ts', 'the export thread dies'],
  'closed logs cannot be converted': [
    'querylog/archive/maintain.test.ts',
    'in an unwritable folder, closed files stay'
  ],
  'log disk full or read-only': [
    'querylog/archive/small-disk.test.ts',
    'nothing is lost, and reports work'
  ],
  'line of more than 32 MB': [
    'querylog/archive/database.test.ts',
    'a line of 20 MB counts as foreign, one of'
  ],
  'DuckDB not installed': ['daemon/archiver.test.ts', 'without DuckDB it logs that once'],
  'crash during conversion': [
    'querylog/archive/maintain.test.ts',
    'an incomplete Parquet file is replaced'
  ],
  'log file or chain altered': ['querylog/archive/chain/verify.test.ts', 'names ${it}'],
  'witness of the query log unreachable or wrong': [
    'querylog/witness/chain-witness.test.ts',
    'an authority that fails is retried, and health says since when'
  ],
  'tally altered': ['querylog/archive/tallies.test.ts', 'instead of a tally that was altered the'],
  'damaged file in the folder of a fleet': [
    'cli/fleet-logs.test.ts',
    'report, query and verify-log work on'
  ],
  'archive process killed': ['daemon/archiver.test.ts', 'killed at any moment'],
  'chain cannot be written': [
    'querylog/archive/chain/disk-errors.test.ts',
    'full disk without a reserve: nothing is'
  ],
  'chain key unusable': ['cli/verify-log.test.ts', 'report an unusable key'],
  'killed while removing old lookups': ['daemon/archiver.test.ts', 'killed while it removes'],
  'query log exceeds `log.queries.keep.space`': [
    'querylog/archive/retention.test.ts',
    'the oldest days go first, until the rest is'
  ],
  'clock jumps ahead by more than a week': [
    'querylog/archive/retention.test.ts',
    'a clock that leaps ahead removes nothing'
  ],
  'service log cannot be opened or written': ['cli/streams.test.ts', 'a service log that is'],
  'output down or slow': [
    'querylog/export/exporter.test.ts',
    'an output that is down gets the backlog'
  ],
  'query log disk or pipe hangs': ['cli/streams.test.ts', 'a query log pipe that hangs'],
  'pseudonym key cannot be read or written': [
    'querylog/privacy/keys.test.ts',
    'a key that cannot be saved: kept in memory,'
  ],
  'record of rules no longer in memory': [
    'querylog/privacy/client-field.test.ts',
    'each network has its own mode, other'
  ],
  'file of former bans not usable': ['daemon/logs-bans.test.ts', 'a damaged file of banned names'],
  "lookups exceed the recorder's capacity": [
    'querylog/record/recorder.test.ts',
    'counts what a full ring dropped and reports'
  ],
  'compiler thread dies': ['daemon/other-deaths.test.ts', 'the compiler dies twice'],
  'out of file descriptors': ['cli/file-descriptors.test.ts', 'out of descriptors'],
  'clock set forward or back': ['daemon/clock.test.ts', 'the clock is set: bans follow it'],
  'admin socket cannot be created': ['daemon/admin-socket.test.ts', 'refuses ${it}'],
  'admin socket left by a killed process': ['cli/flush.test.ts', 'after a kill'],
  'misbehaving admin client': ['daemon/admin-server.test.ts', 'disconnects a client'],
  'worker does not answer an admin request': ['daemon/admin.test.ts', 'a worker that times out'],
  'flush during a pending query': ['scenarios/flush-in-flight.yaml'],
  'SIGTERM or SIGINT': ['cli/serve-failures.test.ts', 'a second signal stops it at once'],
  'service manager cannot be notified': [
    'daemon/service-manager.test.ts',
    'without a service manager nothing happens'
  ],
  'worker hangs': ['daemon/service-manager.test.ts', 'the watchdog is notified while'],
  SIGHUP: ['cli/serve-failures.test.ts', 'a thousand SIGHUPs'],
  'invalid settings file': ['daemon/settings.test.ts', 'a wrong file changes nothing'],
  'settings file deleted or emptied': ['daemon/settings.test.ts', 'never be deleted or emptied'],
  'backup damaged, truncated or made by somebody else': [
    'cli/backup.test.ts',
    'damaged or cut off anywhere is refused'
  ],
  'restore over a gateway that runs, or over files': [
    'cli/backup.test.ts',
    'backed up while it runs, restored'
  ],
  'unreadable lines in a replayed log': [
    'replay/own-log.test.ts',
    'skips lines that it cannot read'
  ],
  'unreadable or unknown replay log': ['replay/own-log.test.ts', 'a log that is all foreign'],
  'standard streams closed': ['cli/streams.test.ts', 'standard error is not read']
}

const rows = allRows(PAGE).map(([what]) => what!)

t.test('every row of the failure tables is shown by a test', async t => {
  t.strictSame([...rows].sort(), Object.keys(SHOWN).sort())
  for (const [row, [file, words = '']] of Object.entries(SHOWN)) {
    const path = `test/${file}`
    const found = existsSync(path) && readFileSync(path, 'utf8').includes(words)
    t.ok(found, `"${row}" is shown by ${file}: ${words}`)
  }
})
