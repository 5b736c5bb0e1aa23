import t from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { askUdp } from './dns-client.js'
import { kinds, serving } from './serve.js'
import { banning, eventually } from './site.js'

const DAY = 86_400_000
const day = (after: number): string =>
  `${new Date(Date.now() + after * DAY).toISOString().slice(0, 19)}Z`

/** A ban of the second day from now on, for a day. */
const rules = (): string =>
  banning('dated.example').replace('{ id:', `{ from: ${day(1)}, until: ${day(2)}, id:`)

/** Where the clock is set, in days from now, and the expected answer. */
const jumps = [
  { it: 'ahead, into the ban', to: 1.5, rcode: 'NXDOMAIN' },
  { it: 'back, before it', to: -400, rcode: 'NOERROR' },
  { it: 'ahead, into it again', to: 1.5, rcode: 'NXDOMAIN' },
  { it: 'ahead, beyond its end', to: 4000, rcode: 'NOERROR' },
  { it: 'back, into it', to: 1.2, rcode: 'NXDOMAIN' }
]

for (const transport of kinds) {
  t.test(`${transport}: the clock is set: bans follow it, cached answers do not`, async t => {
    const upstream = await BadUpstream.open(good(7))
    t.teardown(() => upstream.close())
    const { at, threads, site } = await serving(t, {
      transport,
      upstream: upstream.endpoint,
      files: { 'rules/networks.yaml': rules() }
    })
    const names = ['dated.example', 'held.example']
    // Queried more than once, so that they are on the shelf as well.
    for (const name of [...names, ...names, ...names]) {
      t.match(await askUdp(at, name), { answers: [/192\.0\.2\.7$/] }, `${name}: before`)
    }
    const asked = upstream.seen.length
    for (const { it, to, rcode } of jumps) {
      threads.setClocks(to * DAY)
      await eventually(it, async () => (await askUdp(at, 'dated.example')).rcode === rcode)
      for (let round = 0; round < 3; round++) {
        t.match(await askUdp(at, 'dated.example'), { rcode }, it)
        const [record] = (await askUdp(at, 'held.example')).answers
        t.ok(Number(record?.split(' ')[1]) > 200, `${it}: its TTL is counted by time that passes`)
      }
    }
    t.equal(upstream.seen.length, asked, 'the upstream was not queried again')
    const dayOf = ({ time }: Record<string, unknown>): string => String(time).slice(0, 10)
    // Before the ban begins, its lookups are logged too.
    const blocked = () => site.records().filter(({ verdict }) => verdict === 'blocked')
    await eventually('records', () => blocked().length >= 3)
    const [first] = blocked()
    t.equal(dayOf(first!), day(1.5).slice(0, 10), 'log records have the wall-clock time')
  })
}
