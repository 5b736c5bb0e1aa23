import t from 'tap'
import {
  NewlyBlockedNames,
  type BlockedContext
} from '../../../src/lookups/record/newly-blocked.js'
import { MATCH, QueryEvent } from '../../../src/lookups/event/query-event.js'
import { wire } from '../../policy/rule-set.js'

const WATCHED = 60_000

interface Lookup extends Partial<BlockedContext> {
  readonly client?: number
}

/** Counts lookups under bundles. */
function rig() {
  const names = new NewlyBlockedNames()
  const ask = (name: string, { client = 1, ...more }: Lookup = {}): void => {
    const event = new QueryEvent()
    const octets = wire(name)
    Object.assign(event, { match: MATCH.cname, qname: octets, qnameLength: octets.length })
    event.client[3] = client
    const usual = { mode: 'full', network: 'office', rule: 'b', mustResolve: [] } as const
    names.add(event, { ...usual, serial: 2, ...more })
  }
  const clients = (name: string, count: number, more: Lookup = {}): void => {
    for (let client = 1; client <= count; client++) ask(name, { ...more, client })
  }
  /** Bundle 1 was watched, and blocked one name; bundle 2 is in force. */
  const watched = (): void => {
    names.adopt(1, 0)
    clients('old.example', 3, { serial: 1 })
    names.adopt(2, WATCHED)
    clients('seen.test', 3)
  }
  return { names, ask, clients, watched }
}

t.test('names of a new bundle, by domain, for two clients or more', async t => {
  const { names, clients, watched } = rig()
  watched()
  clients('www.login.example', 2)
  clients('login.example', 3)
  clients('single.test', 1)
  t.match(names.report, {
    serial: 2,
    blocked: [
      {
        name: 'login.example',
        network: 'office',
        rule: 'b',
        match: 'cname',
        clients: 3,
        lookups: 5
      },
      { name: 'seen.test', clients: 3, lookups: 3 }
    ]
  })
  t.equal(names.report!.blocked.length, 2)
})

t.test('what was blocked before is not new; another name of its domain is', async t => {
  const { names, clients, watched } = rig()
  watched()
  clients('old.example', 5)
  clients('new.old.example', 5)
  const found = names.report!.blocked.filter(({ name }) => name.endsWith('old.example'))
  t.match(found, [{ name: 'new.old.example', lookups: 5 }])
  t.equal(found.length, 1)
})

t.test('a domain with very many blocked names was blocked as a whole', async t => {
  const { names, ask, clients } = rig()
  names.adopt(1, 0)
  for (let i = 0; i < 60; i++) ask(`n${i}.wide.example`, { serial: 1 })
  names.adopt(2, WATCHED)
  clients('other.wide.example', 5)
  t.strictSame(names.report, { serial: 2, blocked: [] })
})

t.test('without a bundle before, or a short look at it, nothing is known', async t => {
  const { names, clients } = rig()
  t.equal(names.report, undefined)
  names.adopt(1, 0)
  clients('a.example', 3, { serial: 1 })
  t.equal(names.report, undefined)
  names.adopt(2, 1000)
  clients('b.example', 3)
  t.equal(names.report, undefined)
  names.adopt(2, 2000)
  names.adopt(3, WATCHED)
  clients('c.example', 3, { serial: 3 })
  t.match(names.report, { serial: 3, blocked: [{ name: 'c.example' }] })
})

t.test('a worker that still answers by the rules before changes nothing', async t => {
  const { names, clients, watched } = rig()
  watched()
  clients('late.example', 5, { serial: 1 })
  t.match(names.report, { serial: 2, blocked: [{ name: 'seen.test' }] })
  t.equal(names.report!.blocked.length, 1)
})

t.test(
  'networks without clients in the log send no names, and no reverse name is sent',
  async t => {
    const { names, clients, watched } = rig()
    watched()
    clients('secret.example', 9, { mode: 'none' })
    clients('4.3.20.10.in-addr.arpa', 9)
    t.strictSame(
      names.report!.blocked.map(({ name }) => name),
      ['seen.test']
    )
    clients('a.example', 4, { mode: 'pseudonym' })
    t.match(names.report!.blocked, [{ name: 'a.example', clients: 4 }, { name: 'seen.test' }])
  }
)

t.test('names that must resolve come first, for a single client', async t => {
  const { names, ask, watched } = rig()
  watched()
  ask('login.old.example', { mustResolve: ['login.old.example'] })
  t.match(names.report!.blocked, [
    { name: 'login.old.example', mustResolve: true, clients: 1 },
    { name: 'seen.test', mustResolve: false }
  ])
})

t.test('memory is bounded, and the domains of most clients stay', async t => {
  const { names, ask, clients, watched } = rig()
  watched()
  clients('popular.example', 70)
  for (let i = 0; i < 5000; i++) ask(`d${i}.test`)
  const { blocked } = names.report!
  t.match(blocked, [{ name: 'popular.example', clients: 64, lookups: 70 }, { name: 'seen.test' }])
})
