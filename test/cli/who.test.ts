import t, { type Test } from 'tap'
import { encodeHistoryLine } from '../../src/lookups/bindings/history-line.js'
import { interdict } from './run.js'

const time = (text: string): number => Date.parse(`2026-11-12T${text}Z`)
const facts = { mac: '02:00:5e:10:00:07', host: 'laptop', user: 'anna', groups: ['staff'] }
const binding = { address: '10.20.3.4', source: 'kea', ...facts, port: 'ge-0/0/7' }
const LINES = [
  encodeHistoryLine({ kind: 'start', time: time('13:00:00') }),
  encodeHistoryLine({ kind: 'up', time: time('13:00:00'), source: 'kea' }),
  encodeHistoryLine({
    ...{ kind: 'begin', time: time('13:30:00') },
    binding: { ...binding, from: time('13:30:00'), until: time('14:30:00') }
  }),
  encodeHistoryLine({
    ...{ kind: 'end', time: time('14:05:00'), at: time('14:05:00') },
    ...{ address: '10.20.3.4', source: 'kea' }
  }),
  encodeHistoryLine({ kind: 'stop', time: time('15:00:00') })
]

const logOf = (t: Test): string => t.testdir({ 'bindings.jsonl': `${LINES.join('\n')}\n` })

t.test('shows which device had an address', async t => {
  const ran = await interdict('who', '10.20.3.4', '--at', '2026-11-12T14:02:00Z', '--log', logOf(t))
  t.equal(ran.code, 0)
  t.match(ran.out, '10.20.3.4 at 2026-11-12T14:02:00Z:\n  mac     02:00:5e:10:00:07\n')
  t.match(ran.out, '  user    anna\n  groups  staff\n  port    ge-0/0/7\n')
  t.match(ran.out, 'source  kea, from 2026-11-12T13:30:00Z until 2026-11-12T14:05:00Z')
})

t.test('shows the present device when the gateway last wrote, if that is not long ago', async t => {
  const shift = Date.now() - 5000 - time('14:02:00')
  const line = (kind: 'start' | 'alive', at: number) =>
    encodeHistoryLine({ kind, time: at + shift })
  const log = (last: number): string => {
    const up = encodeHistoryLine({ kind: 'up', time: time('13:00:00') + shift, source: 'kea' })
    const from = time('13:30:00') + shift
    const begin = { ...binding, from, until: Infinity }
    const lines = [line('start', time('13:00:00')), up]
    lines.push(encodeHistoryLine({ kind: 'begin', time: from, binding: begin }))
    return t.testdir({ 'bindings.jsonl': `${[...lines, line('alive', last)].join('\n')}\n` })
  }
  const shown = await interdict('who', '10.20.3.4', '--json', '--log', log(time('14:02:00')))
  t.match(JSON.parse(shown.out), { status: 'known', device: facts })
  t.equal(Date.parse((JSON.parse(shown.out) as { at: string }).at), time('14:02:00') + shift)
  const stopped = await interdict('who', '10.20.3.4', '--json', '--log', log(time('14:01:00')))
  t.match(JSON.parse(stopped.out), { status: 'unknown', reason: 'no-history' })
})

t.test('prints JSON', async t => {
  const words = ['who', '::ffff:10.20.3.4', '--at', '2026-11-12T14:02:00Z', '--json']
  const { out } = await interdict(...words, '--log', logOf(t))
  const at = '2026-11-12T14:02:00.000Z'
  t.match(JSON.parse(out), { address: '10.20.3.4', at, status: 'known', device: facts })
})

const unknown = [
  { at: '14:05:03', words: /within the clock skew/ },
  { at: '14:30:00', words: /no feed had a binding/ },
  { at: '12:00:00', words: /nothing was recorded/ },
  { at: '16:00:00', words: /nothing was recorded/ }
]

for (const { at, words } of unknown) {
  t.test(`says that it is unknown, and why: ${at}`, async t => {
    const args = ['who', '10.20.3.4', '--at', `2026-11-12T${at}Z`, '--log', logOf(t)]
    const { code, out } = await interdict(...args)
    t.equal(code, 1)
    t.match(out, /unknown device/)
    t.match(out, words)
  })
}

t.test('refuses what is not an address, a time or a skew', async t => {
  const log = ['--log', logOf(t)]
  t.match(await interdict('who', '10.20.3', ...log), { code: 2 })
  t.match(await interdict('who', '10.20.3.4', '--at', 'noon', ...log), { code: 2, err: /--at/ })
  t.match(await interdict('who', '10.20.3.4', '--skew', 'x', ...log), { code: 2, err: /--skew/ })
})
