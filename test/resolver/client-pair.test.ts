import fc from 'fast-check'
import t from 'tap'
import { runs } from '../runs.js'
import type { Canned, Scenario, Step } from './scenario.js'
import { parseScenario } from './scenario.js'
import { Stage, type Seen } from './stage.js'

/*
 * Random rules of two networks, and answers that lead to other names and addresses: what a recognized client gets, and
 * what is logged, is the stricter one of what each network says.
 */

const NAMES = ['q.d.test', 'x.d.test', 'y.d.test']
const SOME = [...NAMES, 'd.test', '=q.d.test']

const why = { authority: 'A', reference: 'R' }
const someNames = fc.subarray(SOME, { minLength: 1, maxLength: 2 })
const someBan = fc.record({
  names: someNames,
  addresses: fc.constantFrom([], ['192.0.2.0/24']),
  mode: fc.constantFrom('enforce', 'enforce', 'monitor'),
  action: fc.constantFrom('nxdomain', 'refused', 'null-address'),
  from: fc.constantFrom('2025-01-01', '2026-01-02')
})
const someException = fc.subarray(['=q.d.test', '=x.d.test', '=y.d.test'], {
  ...{ minLength: 1, maxLength: 2 }
})
const someNetwork = fc.record({
  bans: fc.array(someBan, { maxLength: 2 }),
  exceptions: fc.array(someException, { maxLength: 1 }),
  allow: fc.array(fc.constantFrom(...NAMES), { maxLength: 1 }),
  block: fc.array(fc.constantFrom(...NAMES), { maxLength: 1 })
})
type Drafted = Parameters<Parameters<typeof someNetwork.map>[0]>[0]

const PURPOSE = { purpose: 'p', 'approved-by': 'B', from: '2025-06-01', until: '2026-06-01' }

function bansOf({ bans, exceptions }: Drafted, id: string): object {
  return {
    // An exception without prefixes must not list all names of a ban.
    bans: bans.map(({ names, ...ban }, i) => {
      return { ...ban, ...why, names: [...names, 'more.d.test'], id: `${id}-ban-${i}` }
    }),
    exceptions: exceptions.map((names, i) => ({ names, ...PURPOSE, id: `${id}-open-${i}` }))
  }
}

/** The bans of `other` are in a network of their own too, which `other` extends. */
function networksOf(own: Drafted, other: Drafted): object {
  return {
    networks: {
      own: {
        ...{ prefixes: ['10.1.0.0/16'], allow: own.allow, block: own.block },
        ...bansOf(own, 'own')
      },
      bans: { prefixes: ['10.3.0.0/16'], ...bansOf(other, 'other') },
      other: {
        ...{ prefixes: ['10.2.0.0/16'], extends: 'bans' },
        ...{ allow: other.allow, block: other.block }
      }
    },
    clients: { phone: { network: 'own', sni: 'phone' } }
  }
}

const someChain = fc.constantFrom(
  ['q.d.test 300 A 192.0.2.1'],
  ['q.d.test 300 A 198.51.100.1'],
  ['q.d.test 300 CNAME x.d.test', 'x.d.test 300 A 192.0.2.1'],
  ['q.d.test 300 CNAME x.d.test', 'x.d.test 300 CNAME y.d.test', 'y.d.test 300 A 198.51.100.1'],
  ['q.d.test 300 CNAME y.d.test', 'y.d.test 300 A 198.51.100.1', 'y.d.test 300 A 192.0.2.1']
)

const ask = (from: string, device: string, at?: string): Step =>
  parseScenario(
    'step.yaml',
    JSON.stringify({
      it: 'a random query',
      steps: [
        {
          ...(at === undefined ? {} : { at }),
          query: { from, name: 'q.d.test', protocol: 'dot', ...(device === '' ? {} : { device }) },
          expect: {}
        }
      ]
    })
  ).steps[0]!

function isBan({ log }: Seen): boolean {
  return log!.verdict === 'blocked' && log!.rule!.includes('-ban-')
}

/** What is blocked by its name is never forwarded, so there is no answer to judge. */
const isByName = ({ log }: Seen): boolean => log!.verdict === 'blocked' && log!.match === 'qname'

function stricter(own: Seen, bans: Seen): Seen {
  if (isByName(own) !== isByName(bans)) return isByName(own) ? own : bans
  if (isBan(own)) return own
  if (isBan(bans)) return bans
  if (own.log!.verdict === 'blocked' || own.log!.verdict === 'monitored') return own
  if (bans.log!.verdict === 'monitored') return bans
  return own.log!.verdict === 'allowed' ? own : bans
}

/** Whether rules in monitor mode of both are logged: which one comes first is not compared. */
const areMonitored = (...all: readonly Seen[]): boolean =>
  all.every(({ log }) => log!.verdict === 'monitored')

async function agrees(stage: Stage, at: string): Promise<boolean> {
  const seen: Seen[] = []
  for (const [i, [from, device]] of [
    ['10.1.0.1', ''],
    ['10.3.0.1', ''],
    ['10.2.0.1', 'phone']
  ].entries())
    seen.push((await stage.step(ask(from!, device!, i === 0 ? at : undefined)))!)
  const [own, bans, pair] = seen
  const expected = stricter(own!, bans!)
  const { log } = pair!
  const isSame =
    Buffer.compare(pair!.reply!, expected.reply!) === 0 || !['blocked'].includes(log!.verdict)
  const isSameRule = areMonitored(own!, bans!) || log!.rule === expected.log!.rule
  const networks = `${log!.network} ${log!.addressNetwork}`
  const verdicts = [log!, expected.log!].map(({ verdict }) =>
    ['cached', 'forwarded'].includes(verdict) ? 'none' : verdict
  )
  return isSame && isSameRule && networks === 'own other' && verdicts[0] === verdicts[1]
}

for (const path of ['fast', 'forward'] as const)
  t.test(
    `the stricter verdict of two networks, also of what answers lead to: ${path}`,
    async () => {
      await fc.assert(
        fc.asyncProperty(someNetwork, someNetwork, someChain, async (own, other, answers) => {
          const scenario = {
            ...{ prefetch: false, limits: {}, start: '2026-01-01T00:00:00Z' },
            identity: { version: '', name: '' },
            rules: { networks: networksOf(own, other) },
            upstream: [
              {
                name: 'q.d.test',
                type: 'A',
                rcode: 'NOERROR',
                flags: '',
                answers
              } as unknown as Canned
            ]
          }
          const stage = new Stage(scenario as unknown as Scenario, path)
          return (
            (await agrees(stage, '2026-01-01T00:00:00Z')) &&
            (await agrees(stage, '2026-01-03T00:00:00Z'))
          )
        }),
        runs(400)
      )
    }
  )
