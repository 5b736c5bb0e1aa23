import t, { type Test } from 'tap'
import { addressOf, addressWords, readAddress, showAddress } from '../../src/base/values/address.js'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import {
  AnswerNotes,
  ENTRY_WORDS,
  type AnswerBatch
} from '../../src/resolver/stages/answer-notes.js'
import { loadGood } from '../rules/folder.js'

const NETWORKS = [
  'networks:',
  '  office: { prefixes: [10.1.0.0/16] }',
  '  school: { prefixes: [10.2.0.0/16], egress: observe }',
  '  lab: { prefixes: [10.3.0.0/16], egress: deny }'
].join('\n')

async function rig(t: Test) {
  const rules = await loadGood(t, { 'networks.yaml': NETWORKS })
  const policy = (): Policy => new Policy(compile(rules, { generation: 1, random: () => 1 }))
  const batches: AnswerBatch[] = []
  const scheduled: (() => void)[] = []
  const notes = new AnswerNotes(
    batch => batches.push(batch),
    flush => scheduled.push(flush)
  )
  const classOf = (one: Policy, client: string): number =>
    one.classOf(addressWords(readAddress(client)), 0)
  return {
    ...{ policy, batches, classOf, notes },
    /** An answer with one address to a client. */
    note: (one: Policy, client: string, address: string, now = 0): void => {
      const data = Buffer.from(readAddress(address).slice(12)).toString('hex')
      const hex = `0000818000010001000000000000010001c00c000100010000003c0004${data}`
      const octets = Buffer.from(hex, 'hex')
      notes.note(one, classOf(one, client), octets, 0, octets.length, now)
    },
    flush: (): void => {
      for (const flush of scheduled.splice(0)) flush()
    }
  }
}

const entriesOf = ({ networks, entries }: AnswerBatch): string[] =>
  Array.from({ length: entries.length / ENTRY_WORDS }, (_, i) => {
    const at = ENTRY_WORDS * i
    const address = showAddress(addressOf(entries.subarray(at + 1, at + ENTRY_WORDS)))
    return `${networks[entries[at]!]} ${address}`
  })

t.test('only networks with egress are observed', async t => {
  const { policy, classOf } = await rig(t)
  const one = policy()
  const observes = ['10.1.0.1', '10.2.0.1', '10.3.0.1', '192.0.2.1'].map(client =>
    one.observesEgress(classOf(one, client))
  )
  t.same(observes, [false, true, true, false])
})

t.test('hands over each address of a network once in five minutes', async t => {
  const { policy, note, flush, batches } = await rig(t)
  const one = policy()
  for (let i = 0; i < 3; i++) note(one, '10.2.0.1', '192.0.2.7')
  note(one, '10.2.0.2', '192.0.2.7')
  note(one, '10.3.0.1', '192.0.2.7')
  t.same(batches, [])
  flush()
  t.same(batches.map(entriesOf), [['school 192.0.2.7', 'lab 192.0.2.7']])
  flush()
  note(one, '10.2.0.1', '192.0.2.7', 299_000)
  note(one, '10.2.0.1', '192.0.2.7', 301_000)
  flush()
  t.same(batches.slice(1).map(entriesOf), [['school 192.0.2.7']])
})

t.test('hands over what is of previous rules before those of new ones', async t => {
  const { policy, note, flush, batches } = await rig(t)
  note(policy(), '10.2.0.1', '192.0.2.7')
  note(policy(), '10.2.0.1', '192.0.2.7')
  t.equal(batches.length, 1)
  flush()
  t.same(batches.map(entriesOf), [['school 192.0.2.7'], ['school 192.0.2.7']])
})

t.test('says that it has missed some', async t => {
  const { policy, note, flush, batches } = await rig(t)
  const one = policy()
  for (let i = 0; i < 2000; i++) note(one, '10.2.0.1', `198.18.${i >> 8}.${i & 255}`)
  flush()
  t.match(batches, [{ hasMissed: true }])
  t.equal(entriesOf(batches[0]!).length, 1024)
  note(one, '10.2.0.1', '192.0.2.7')
  flush()
  t.match(batches[1], { hasMissed: false })
})
