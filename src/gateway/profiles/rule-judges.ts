import type {
  Ban,
  Block,
  DnssecPolicy,
  NetworkRules,
  Rule
} from '../../policy/rules/model/types.js'
import { judgement, judgeShare, type Judge, type JudgedFacts } from './judgement.js'

/** Sets of the catalogue without which clients can go around the resolver. */
const BYPASS = ['encrypted-dns', 'private-relay', 'firefox-canary']
/** ::/0, and 0.0.0.0/0 in its 16-octet form. */
const isEverybody = ({ length }: { length: number }): boolean => length === 0 || length === 96

/** Networks with clients: others only pass their rules on. */
function served({ rules }: JudgedFacts): readonly NetworkRules[] {
  const byIdentity = new Set(rules.clients?.clients.map(client => client.network))
  return rules.networks.filter(({ id, prefixes }) => prefixes.length > 0 || byIdentity.has(id))
}

/** Bans and blocks, whether they are enforced or monitored. */
const blocking = ({ rules }: NetworkRules): readonly (Ban | Block)[] =>
  rules.filter(rule => rule.kind === 'ban' || rule.kind === 'block')

const hasList = ({ sources }: Rule): boolean => sources.some(({ kind }) => kind === 'list')

/** Bans and blocks that are enforced now, at any hour of the week. */
const enforced = (network: NetworkRules, { now }: JudgedFacts): readonly Rule[] =>
  blocking(network).filter(({ mode, from, until, schedule }) => {
    return mode === 'enforce' && from <= now && now < until && schedule === undefined
  })

const blocksApp = (network: NetworkRules, app: string, facts: JudgedFacts): boolean =>
  enforced(network, facts).some(({ sources }) => {
    return sources.some(({ kind, id }) => kind === 'app' && id === app)
  })

export const RULE_JUDGES = {
  'threat-lists': facts => {
    const networks = served(facts)
    const listed = networks.filter(one => enforced(one, facts).some(hasList))
    const what = 'networks enforce a list; what it contains is not judged'
    return judgeShare(listed.length, networks.length, what, 'lists, and block of each network')
  },
  'threat-categories': facts => {
    const hasOne = served(facts).some(one => blocking(one).some(hasList))
    return hasOne
      ? judgement('not known', 'the rules use lists; which categories they cover is not in them')
      : judgement('not met', 'no rule uses a list', 'lists, and block of each network')
  },
  'content-filtering': facts => {
    const networks = served(facts)
    const filtered = networks.filter(one => enforced(one, facts).length > 0)
    const what = 'networks enforce a ban or block'
    return judgeShare(filtered.length, networks.length, what, 'bans and block of each network')
  },
  'bypass-blocked': facts => {
    const networks = served(facts)
    const closed = networks.filter(one => BYPASS.every(app => blocksApp(one, app, facts)))
    const partly = networks.filter(one => BYPASS.some(app => blocksApp(one, app, facts)))
    const what = `networks ban ${BYPASS.join(', ')}; addresses need a firewall`
    const result = judgeShare(closed.length, networks.length, what, 'bans of each network')
    return result.state === 'not met' && partly.length > 0 ? { ...result, state: 'partly' } : result
  },
  browsers: facts => {
    const networks = served(facts)
    const closed = networks.filter(one => blocksApp(one, 'firefox-canary', facts))
    const what = 'networks ban firefox-canary; policies of other browsers are outside the gateway'
    return judgeShare(closed.length, networks.length, what, 'bans of each network')
  },
  'own-clients': facts => {
    const open = served(facts).filter(({ prefixes }) => prefixes.some(isEverybody))
    return open.length === 0
      ? judgement('met', 'no network has the prefix 0.0.0.0/0 or ::/0; other clients are refused')
      : judgement(
          'not met',
          `everybody is in ${open.map(({ id }) => id).join(', ')}`,
          'networks.*.prefixes'
        )
  },
  'group-policies': facts => {
    const groups = served(facts).filter(({ rules }) => rules.length > 0).length
    return groups > 1
      ? judgement('met', `${groups} networks have rules of their own`)
      : judgement('not met', `${groups} networks have rules of their own`, 'networks')
  },
  'recognized-clients': ({ rules, config }) => {
    const clients = rules.clients?.clients.length ?? 0
    const isEncrypted = config.listen.some(({ certificates }) => certificates !== undefined)
    if (clients > 0 && isEncrypted) {
      return judgement('met', `${clients} clients are recognized over encrypted DNS`)
    }
    if (isEncrypted) return judgement('partly', 'clients are known by address alone', 'clients')
    return judgement('not met', 'no encrypted listener', 'listen, and clients in the rules')
  },
  dnssec: facts => {
    const networks = served(facts)
    const withMode = (mode: DnssecPolicy): number =>
      networks.filter(({ dnssec }) => dnssec === mode).length
    const [enforced, observed] = [withMode('enforce'), withMode('observe')]
    if (enforced + observed === 0) {
      const found = 'the upstream must validate; settings do not show whether it does'
      return judgement('not known', found, 'dnssec of each network')
    }
    const { now, rules } = facts
    const exceptions = (rules.dnssecExceptions ?? []).filter(
      ({ from, until }) => from <= now && now < until
    ).length
    const isWhole = enforced === networks.length && exceptions === 0
    const found = `${enforced} of ${networks.length} networks refuse bogus answers; ${observed} observe a sample; ${exceptions} DNSSEC exceptions in force`
    return judgement(isWhole ? 'met' : 'partly', found, 'dnssec of each network')
  }
} satisfies Readonly<Record<string, Judge>>
