import t from 'tap'
import { DomainTable } from '../../src/resolver/upstream/query/domain-table.js'
import type { Upstream } from '../../src/resolver/upstream/selection/upstream.js'
import { good, silent } from './bad-upstream.js'
import { wire } from './messages.js'
import { rig } from './rig.js'

const group = (): Upstream[] => []
const groups = { fallback: group(), corp: group(), lab: group(), root: group() }

const finds: { qname: string; finds: keyof typeof groups }[] = [
  { qname: 'corp.example', finds: 'corp' },
  { qname: 'www.corp.example', finds: 'corp' },
  { qname: 'WWW.Corp.EXAMPLE', finds: 'corp' },
  { qname: 'lab.corp.example', finds: 'lab' },
  { qname: 'a.b.lab.corp.example', finds: 'lab' },
  { qname: 'lab.example', finds: 'fallback' },
  { qname: 'mycorp.example', finds: 'fallback' },
  { qname: 'corp.example.com', finds: 'fallback' },
  { qname: 'example', finds: 'fallback' },
  { qname: '', finds: 'fallback' }
]

for (const { qname, finds: wanted } of finds) {
  t.test(`asks ${wanted} for "${qname}"`, async t => {
    const table = new DomainTable(groups.fallback, 12_345)
    table.add(wire('CORP.example'), groups.corp)
    table.add(wire('lab.corp.example'), groups.lab)
    t.equal(table.find(wire(qname)), groups[wanted])
  })
}

t.test('uses the default group for all other names', async t => {
  const table = new DomainTable(groups.fallback, 1)
  table.add(wire('corp.example'), groups.corp)
  table.add(wire(''), groups.root)
  t.equal(table.find(wire('www.example')), groups.root)
  t.equal(table.find(wire('')), groups.root)
  t.equal(table.find(wire('www.corp.example')), groups.corp)
})

t.test('queries only the upstreams of a domain, even if they time out', async t => {
  const { ask, upstreams, time } = await rig(t, [good(1), good(2)], {
    domains: { 'corp.example': 1 }
  })
  t.match(await ask('www.example.com'), { upstream: 0 })
  t.match(await ask('www.corp.example'), { upstream: 1 })
  upstreams[1]!.behaviour = silent
  const outcome = ask('ftp.corp.example')
  for (let step = 0; step < 6; step++) time.advance(820)
  t.match(await outcome, { kind: 'failure', ede: 22, upstream: 1 })
  t.equal(upstreams[0]!.seen.length, 1)
})

t.test('excludes routes, numbered across all domains, until they are included again', async t => {
  const { ask, forwarder } = await rig(t, [good(1), good(2)], { domains: { 'corp.example': 1 } })
  forwarder.excludeRoutes(new Set([1]))
  t.match(await ask('a.example.com'), { upstream: 0 })
  const looped = { kind: 'failure', ede: 23, upstream: -1, text: /loop/ }
  t.match(await ask('a.corp.example'), looped, 'nobody else is asked for names of the domain')
  forwarder.excludeRoutes(new Set([0]))
  t.match(await ask('b.example.com'), looped)
  t.match(await ask('b.corp.example'), { kind: 'response', upstream: 1 })
  forwarder.excludeRoutes(new Set())
  t.match(await ask('c.example.com'), { upstream: 0 })
})

t.test('excludes one of two upstreams', async t => {
  const { ask, forwarder } = await rig(t, [good(1), good(2)])
  forwarder.excludeRoutes(new Set([0]))
  for (let n = 0; n < 40; n++) t.match(await ask(`n${n}.example.com`), { upstream: 1 })
})
