import type { Formatter } from './locale-format.js'
import { translateSentence, type Say, type Sentences } from './sentences.js'

const SENTENCES: Sentences = [
  [/^(?<rest>.+) at once \(--now\)$/, 'hub.atOnce'],
  [/^bundle (?<serial>\d+) published to ring (?<ring>\S+)$/, 'hub.published'],
  [
    /^bundle (?<serial>\d+) published as a rollback to (?<back>\d+) to ring (?<ring>\S+)$/,
    'hub.rollback'
  ],
  [/^bundle (?<serial>\d+) promoted to ring (?<ring>\S+)$/, 'hub.promoted'],
  [/^ring (?<ring>\S+): bundle (?<serial>\d+) halted: (?<rest>.+)$/, 'hub.halted'],
  [/^ring (?<ring>\S+): bundle (?<serial>\d+) within the band for the set time$/, 'hub.within'],
  [/^gateway (?<name>\S+) enrolled in ring (?<ring>\S+)$/, 'hub.enrolled'],
  [/^gateway (?<name>\S+) revoked$/, 'hub.revoked'],
  [
    /^content of NATS was changed by others: (?<rest>.+); it is restored from the state of the hub$/,
    'hub.altered'
  ],
  [/^token for gateway (?<name>\S+) in ring (?<ring>\S+), until (?<time>\S+)$/, 'hub.token'],
  [/^(?<name>\S+) refuses bundle (?<serial>\d+): (?<message>.+)$/, 'hub.refuses'],
  [/^(?<n>\d+) of (?<all>\d+) gateways not ready, (?<name>\S+): (?<problems>.+)$/, 'hub.notReady'],
  [/^blocked (?<now>\S+) of lookups, expected (?<expected>\S+) ± (?<band>\S+)$/, 'hub.blocked'],
  [/^SERVFAIL (?<now>\S+) of responses, expected at most (?<most>\S+)$/, 'hub.servfail'],
  [/^mean response time (?<now>\S+ ms), expected at most (?<most>\S+ ms)$/, 'hub.time'],
  [/^no gateway of the ring has reported$/, 'hub.unheard'],
  [/^(?<n>\d+) of (?<all>\d+) gateways run it$/, 'hub.running'],
  [/^(?<n>\d+) of (?<all>\d+) lookups$/, 'hub.lookups'],
  [/^(?<n>\d+) of (?<all>\d+) gateways silent, (?<name>\S+) first$/, 'hub.silent'],
  [/^(?<n>\d+) restarts of (?<all>\d+) gateways, (?<own>\d+) of (?<name>\S+)$/, 'hub.restarts'],
  [
    /^(?<rule>.+) blocks (?<name>\S+) in network (?<network>\S+) \(clients: (?<clients>\d+), lookups: (?<lookups>\d+), most at (?<gateway>\S+)\), though it must resolve$/,
    'hub.mustResolve'
  ],
  [
    /^(?<rule>.+) blocks (?<name>\S+) in network (?<network>\S+) \(clients: (?<clients>\d+), lookups: (?<lookups>\d+), most at (?<gateway>\S+)\), though the bundle does not list it$/,
    'hub.unlisted'
  ],
  [/^network (?<name>\S+): (?<rest>blocked .+)$/, 'hub.network'],
  [/^nothing to compare with: no earlier bundle was done, and no later ring reports$/, 'hub.alone']
]

/** What the hub writes about rings and into its journal, in the language of the reader. */
export const hubText = (sentence: string, say: Say, format: Formatter): string =>
  translateSentence(SENTENCES, sentence, say, format)
