import t from 'tap'
import { showAddress } from '../../src/base/values/address.js'
import { RRTYPE } from '../../src/wire/dns/registry/rrtype.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Evaluator } from '../../src/policy/evaluate/evaluator.js'
import { probeClients } from '../../src/gateway/probe/probe-clients.js'
import { Planner, planOf } from '../../src/gateway/probe/probe-plan.js'
import { rulesOf } from '../register/rules.js'

const ban = (names: readonly string[], more: object = {}) => {
  return { names, authority: 'A', reference: 'R', ...more }
}
const OWN = ban(['own.example'], { id: 'own' })
const OFFICE = ban(['office.example', 'repaired.example'], { id: 'office' })
const NOW = Date.parse('2026-06-01T12:00:00Z') / 1000

async function planned(office: object, phones: object = { bans: [OWN] }) {
  const networks = { empty: { prefixes: ['10.9.0.0/16'] }, office, phones }
  const clients = { phone: { network: 'phones', sni: 'phone' } }
  const rules = await rulesOf(JSON.stringify({ networks, clients }))
  const snapshot = compile(rules, { generation: 1, random: () => 7 })
  const { policy } = new Evaluator(snapshot)
  const recognized = probeClients(rules, policy).filter(({ isRecognized }) => isRecognized)
  const options = { namesPerBan: 5, control: [], round: 0, now: NOW }
  const { probes, lost } = planOf(rules, snapshot, options)
  const asked = probes
    .filter(({ client, qtype }) => client.addressClass !== 0 && qtype === RRTYPE.A)
    .map(({ kind, rule, nameText, blocked }) => `${kind} ${rule} ${nameText} ${blocked?.action}`)
  return { rules, snapshot, recognized, asked, lost, options }
}

const PREFIXES = { prefixes: ['10.1.0.0/16'] }

t.test(
  'a recognized client is asked as in a network with bans of its own: those of both',
  async t => {
    const { recognized, asked, lost } = await planned({ ...PREFIXES, bans: [OFFICE] })
    t.strictSame(
      recognized.map(({ network, address, addressClass }) => {
        return [network, showAddress(address), addressClass !== 0]
      }),
      [
        ['phones', '::', false],
        ['phones', '10.1.0.0', true]
      ]
    )
    t.strictSame(asked, [
      'ban own own.example nxdomain',
      'ban office office.example nxdomain',
      'ban office repaired.example nxdomain'
    ])
    t.strictSame(lost, [])
  }
)

t.test('exceptions of either network are what has to come', async t => {
  const exception = (name: string) => {
    const when = { from: '2026-01-01', until: '2026-12-01' }
    return { names: [`=${name}`], purpose: 'p', 'approved-by': 'B', ...when }
  }
  const office = {
    ...PREFIXES,
    bans: [OFFICE],
    exceptions: [{ ...exception('repaired.example'), id: 'repair' }]
  }
  const phones = {
    bans: [ban(['own.example', 'open.example'], { id: 'own' })],
    exceptions: [{ ...exception('open.example'), id: 'open' }]
  }
  const { asked, lost } = await planned(office, phones)
  t.strictSame(asked, [
    'ban own own.example nxdomain',
    'exception open open.example undefined',
    'ban office office.example nxdomain',
    'exception repair repaired.example undefined'
  ])
  t.strictSame(lost, [])
})

t.test('where the other network adds nothing, nothing more is asked', async t => {
  const { recognized } = await planned(PREFIXES)
  t.strictSame(recognized.length, 1)
  const shared = await planned({ ...PREFIXES, bans: [OFFICE] }, { extends: 'office', bans: [OWN] })
  t.strictSame(shared.recognized.length, 1)
})

t.test('under other rules, the networks of a question may be others', async t => {
  const before = await planned({ ...PREFIXES, bans: [OFFICE] })
  const { rules, snapshot, options } = await planned({ prefixes: ['10.2.0.0/16'], bans: [OFFICE] })
  const [probe] = planOf(before.rules, before.snapshot, options).probes.filter(
    ({ client, rule }) => client.addressClass !== 0 && rule === 'office'
  )
  const again = new Planner(rules, snapshot, options).again(probe!, NOW)
  t.match(again, { network: 'phones', client: { addressClass: 0 }, blocked: undefined })
})
