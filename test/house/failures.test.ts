import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { tableAfter } from './markdown.js'

/**
 * Rows of "What happens when" in docs/internals/architecture.md, by how they begin, and the test that
 * provokes each: a scenario, or a file and words of a title in it.
 */
const SHOWN: Readonly<Record<string, readonly [file: string, words?: string]>> = {
  'a message is shorter': ['scenarios/message-short.yaml'],
  'a message is broken': ['scenarios/message-two-questions.yaml'],
  'an opcode other': ['scenarios/message-opcode.yaml'],
  'RD is clear': ['scenarios/rd-clear.yaml'],
  'ANY over UDP': ['scenarios/any.yaml'],
  'an upstream sends EDNS options': ['scenarios/edns-upstream-options.yaml'],
  'a COOKIE option': ['scenarios/cookie-malformed.yaml'],
  'a client shows no cookie': ['server/cookie-limit.test.ts', 'is over the limit gets BADCOOKIE'],
  'somebody asks in the name': ['server/cookie-limit.test.ts', 'has a limit of its own'],
  'the file of cookie secrets': ['daemon/cookies.test.ts', 'and wrong ones change nothing'],
  'class CH': ['scenarios/identity.yaml'],
  'a zone transfer': ['scenarios/message-transfer.yaml'],
  'a special-use name': ['scenarios/special-use-absent.yaml'],
  'the client is in no network': ['scenarios/stranger.yaml'],
  'a rule file is wrong, empty, unreadable or missing at the start': [
    'daemon/emptied.test.ts',
    'at the start: there are no rules'
  ],
  'a rule file is wrong, empty, unreadable or missing on reload': [
    'daemon/emptied.test.ts',
    'on reload: the rules of before stay'
  ],
  'a list has no names': ['daemon/emptied.test.ts', 'a list of zero names after one of a million'],
  'a list cannot be fetched': ['sources/http/update.test.ts', 'the copy of before stays'],
  'a list that is fetched': ['sources/http/update.test.ts', 'a list that shrinks is held back'],
  'there is no copy of a list': ['daemon/remote-lists.test.ts', 'a start without a copy'],
  'what a primary sends': [
    'sources/axfr/refused.test.ts',
    'refused whole, and the last good copy stays'
  ],
  'changes of a zone': ['sources/axfr/update-zone.test.ts', 'all of it is asked for'],
  'the machine stops while changes': ['sources/axfr/journal.test.ts', 'wherever a journal is torn'],
  'no primary can be used': [
    'daemon/zone-transfers.test.ts',
    'a start without a copy, and without a primary'
  ],
  'a zone has expired': ['daemon/zone-transfers.test.ts', 'has expired stays in force'],
  'NOTIFY comes from': ['daemon/zone-transfers.test.ts', 'NOTIFY from elsewhere'],
  'NOTIFY comes again': ['daemon/zone-task.test.ts', 'nothing new is heard once a second'],
  'a thread that transfers': ['daemon/zone-transfers.test.ts', 'a transfer thread that dies'],
  'the secret of a key': ['daemon/zone-transfers.test.ts', 'what is wrong with secrets'],
  'the fetcher dies': ['daemon/remote-lists.test.ts', 'a fetcher that dies'],
  'two `interdict lists update`': ['cli/lists.test.ts', 'one command at a time'],
  'a list is larger': ['rules/list-files.test.ts', 'a gzip bomb'],
  'a list is something else': ['rules/list-file.test.ts', 'a line of 10 MB as one bad line'],
  'a list has lines': ['rules/list-adblock.test.ts', 'what is for browsers, each kind apart'],
  'the folder that it lives in': ['cli/trouble.test.ts', 'is deleted, and comes back'],
  'a bundle is not signed': ['daemon/bundles.test.ts', 'a damaged bundle, a folder'],
  'a bundle is expired': ['sources/bundle/choose.test.ts', 'a clock that is set back'],
  'a bundle in force expires': ['daemon/bundle-watch.test.ts', 'once a day'],
  'the bundle is bad or gone': ['daemon/bundle-restart.test.ts', 'serves the last good one'],
  'no good bundle was ever': [
    'daemon/bundle-restart.test.ts',
    'a first start without a good bundle'
  ],
  'somebody rolls back': ['daemon/bundle-restart.test.ts', 'a rollback is in force at once'],
  'what is remembered of accepted': [
    'daemon/bundle-restart.test.ts',
    'what is remembered is damaged'
  ],
  'rule files are written': ['daemon/reload.test.ts', 'written piece by piece'],
  'an address or port': ['cli/trouble.test.ts', 'a port that is in use'],
  'two Interdicts': ['daemon/refused.test.ts', 'two that start at the same instant'],
  'koffi does not load': ['udp/transport.test.ts', 'auto falls back to portable and says why'],
  'an upstream does not answer in time': ['upstream/failover.test.ts', 'when one is silent'],
  'an upstream cannot be reached': [
    'upstream/undelivered.test.ts',
    'asks the next upstream at once'
  ],
  'the system has no UDP segmentation': [
    'udp/segmented-send.test.ts',
    'without UDP_SEGMENT every datagram is sent by itself'
  ],
  'an upstream on this host is down when several queries': [
    'upstream/undelivered.test.ts',
    'ICMP that quotes more than one query ends all that left with it'
  ],
  'ICMP quotes what we did not send': ['upstream/undelivered.test.ts', 'ICMP that quotes ${it}'],
  'no upstream answers at all': ['daemon/loss.test.ts', 'all packets are lost'],
  'the same, and an answer is held': ['scenarios/stale-failure.yaml'],
  'what is asked for before': ['scenarios/prefetch-failed.yaml'],
  'upstreams take longer': ['scenarios/stale-late.yaml'],
  'an upstream leads back here': ['daemon/loops.test.ts', 'that forward to each other end'],
  'there is no upstream': ['daemon/no-upstream.test.ts', 'without an upstream it starts'],
  'an upstream answers with garbage': ['upstream/matching.test.ts', 'ignores a response with'],
  'an answer is right but for the letter case': [
    'upstream/case.test.ts',
    'in the wrong case is asked for again'
  ],
  'an answer is right but for our cookie': ['upstream/cookies.test.ts', 'drops a response with'],
  'an upstream does not like cookies': ['upstream/cookies.test.ts', 'says RCODE'],
  'an upstream says BADCOOKIE': ['upstream/cookies.test.ts', 'BADCOOKIE again: asks over TCP'],
  'an answer has records': ['scenarios/unrelated-records.yaml'],
  'an answer is truncated': ['upstream/tcp.test.ts', 'asks again over TCP when truncated'],
  'an answer has an address inside': ['scenarios/rebinding-guard.yaml'],
  'an answer leads to': ['scenarios/lead-cname.yaml'],
  'a reply does not fit': ['scenarios/edns-size.yaml'],
  'a client sends more over UDP': ['server/query-limit.test.ts', 'a limit answers'],
  'a client opens more': ['server/front-ends.test.ts', 'counts connections by the client'],
  'a client sends its query octet': ['server/tcp.test.ts', 'octet'],
  'one client is sent the same': ['server/response-limit.test.ts', 'limits ${it}'],
  'a listed front end': ['scenarios/identity-unsaid.yaml'],
  'anybody else says': ['scenarios/abuse-stranger-everything.yaml'],
  'a worker dies of an error': ['daemon/worker-deaths.test.ts', 'a worker dies: the others go on'],
  'a worker leaks memory': ['daemon/memory.test.ts', 'a worker that leaks is replaced'],
  'an upstream that did not answer is back': [
    'daemon/stale.test.ts',
    'nobody waits until failures are over'
  ],
  'a worker is out of memory': ['daemon/memory.test.ts', 'out of memory at once: no hang'],
  'the recorder dies': ['daemon/other-deaths.test.ts', 'the recorder dies: answers go on'],
  'another gateway writes': ['daemon/log-lock.test.ts', 'a second one in the same folder'],
  'another gateway, or another output': ['daemon/log-lock.test.ts', 'where lookups wait'],
  'the thread of the outputs dies': ['daemon/outlet-feed.test.ts', 'the outlet thread dies'],
  'closed query logs cannot': ['querylog/archive/tend.test.ts', 'in a folder that takes nothing'],
  'the disk of the query log': [
    'querylog/archive/small-disk.test.ts',
    'nothing is lost, reports go on'
  ],
  'a file of the query log has a line': [
    'querylog/archive/database.test.ts',
    'a line of 20 MB counts'
  ],
  'DuckDB is not installed': ['daemon/archiver.test.ts', 'without DuckDB it says so once'],
  'the machine stops while Parquet': [
    'querylog/archive/tend.test.ts',
    'half of a file is made anew'
  ],
  'a file of the query log, or its chain': ['querylog/archive/chain/verify.test.ts', 'names ${it}'],
  'a tally of the query log is altered': [
    'querylog/archive/tallies.test.ts',
    'a tally that was altered'
  ],
  'the process that keeps the chain': ['daemon/archiver.test.ts', 'killed at any moment'],
  'the chain of the query log cannot be written': [
    'querylog/archive/chain/trouble.test.ts',
    'nothing is done or lost'
  ],
  "the key of the query log's chain": ['cli/verify-log.test.ts', 'a key that cannot be used'],
  'the process is killed while it removes': ['daemon/archiver.test.ts', 'killed while it removes'],
  'the query log takes more room': ['querylog/archive/keep.test.ts', 'the oldest days go first'],
  'the clock leaps': ['querylog/archive/keep.test.ts', 'a clock that leaps ahead'],
  'the service log cannot': ['cli/streams.test.ts', 'a service log in'],
  'an output of the query log': ['querylog/export/outlet.test.ts', 'a sink that is down'],
  'disk or pipe of the query log': ['cli/streams.test.ts', 'a query log that takes nothing'],
  'a key of pseudonyms': ['querylog/privacy/keys.test.ts', 'a key that cannot be kept'],
  'rules are no longer held': [
    'querylog/privacy/client.test.ts',
    'each network has a mode of its own'
  ],
  'more lookups than': ['querylog/record/recorder.test.ts', 'counts what a full ring dropped'],
  'the compiler dies': ['daemon/other-deaths.test.ts', 'the compiler dies twice'],
  'there are no descriptors': ['cli/starved.test.ts', 'out of descriptors'],
  'the clock is set': ['daemon/clock.test.ts', 'the clock is set: bans follow it'],
  'the admin socket cannot': ['daemon/admin-socket.test.ts', 'refuses ${it}'],
  'the process was killed': ['cli/flush.test.ts', 'after a kill'],
  'an admin client hangs': ['daemon/admin-door.test.ts', 'hangs up on'],
  'a worker does not answer': ['daemon/admin.test.ts', 'a worker that does not answer'],
  'something is dropped': ['scenarios/flush-in-flight.yaml'],
  'SIGTERM or SIGINT': ['cli/trouble.test.ts', 'a second signal does not wait'],
  'SIGHUP, once': ['cli/trouble.test.ts', 'a thousand SIGHUPs'],
  'a log to be replayed': ['replay/own-log.test.ts', 'skips lines that it cannot read'],
  'nothing in a log': ['replay/own-log.test.ts', 'a log that is all foreign'],
  'standard input': ['cli/streams.test.ts', 'nobody reads its standard error']
}

const rows = tableAfter('docs/internals/architecture.md', '## What happens when').map(
  ([what]) => what!
)

t.test('every row of the failure table is shown by a test', async t => {
  for (const row of rows) {
    const known = Object.keys(SHOWN).filter(begin => row.startsWith(begin))
    t.equal(known.length, 1, `test/house/failures.test.ts says what shows "${row}"`)
  }
})

t.test('what it says is there', async t => {
  for (const [begin, [file, words = '']] of Object.entries(SHOWN)) {
    t.ok(
      rows.some(row => row.startsWith(begin)),
      `a row begins with "${begin}"`
    )
    const path = `test/${file}`
    t.ok(existsSync(path) && readFileSync(path, 'utf8').includes(words), `${file}: ${words}`)
  }
})
