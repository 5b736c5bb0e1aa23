import t from 'tap'
import { nextExpiry } from '../../src/policy/rules/model/expiries.js'
import type { NameSink } from '../../src/policy/rules/model/types.js'
import { readAll, readOne, saidBy } from './list.js'

const PAST = '2020-01-01T00:00:00Z'
const FUTURE = '2100-01-01T00:00:00Z'
const line = (value: string, more: object = {}): string => JSON.stringify({ value, ...more })
const lines = (...all: readonly string[]): string => all.join('\n')

t.test('what an indicator covers', t => {
  const text = lines(
    line('Domain.example'),
    line('domain2.example', { type: 'domain' }),
    line('host.example', { type: 'hostname' }),
    line('bücher.example'),
    line('192.0.2.1'),
    line('2001:db8::/32'),
    line('192.0.2.7', { type: 'address' }),
    line('https://site.example/', { type: 'url' }),
    line('http://203.0.113.9', { type: 'url' }),
    line('https://shared.example/evil.exe', { type: 'url' }),
    ''
  )
  t.strictSame(saidBy(readOne(text)), [
    'suffix domain.example 1',
    'suffix domain2.example 2',
    'exact host.example 3',
    'suffix xn--bcher-kva.example 4',
    'exact site.example 8',
    '192.0.2.1/32 5',
    '2001:db8::/32 6',
    '192.0.2.7/32 7',
    '203.0.113.9/32 9',
    '1 rules for URLs'
  ])
  t.end()
})

t.test('what is not in force is counted, and what does not say is in force', t => {
  const text = lines(
    line('a.example'),
    line('b.example', { valid_until: PAST }),
    line('c.example', { valid_until: FUTURE, confidence: 50 }),
    line('d.example', { confidence: 49 }),
    line('e.example', { last_seen: PAST }),
    line('f.example', { first_seen: PAST, valid_until: null, confidence: null, tlp: null }),
    line('g.example', { last_seen: PAST, valid_until: FUTURE })
  )
  const options = { feed: { minConfidence: 50, validFor: 30 * 86_400_000 } }
  t.strictSame(saidBy(readOne(text, options)).toSorted(), [
    '1 indicators below the minimum confidence',
    '3 expired indicators',
    'suffix a.example 1',
    'suffix c.example 3',
    'suffix g.example 7'
  ])
  t.end()
})

t.test('a feed of which everything has expired is no error', t => {
  const result = readOne(line('a.example', { valid_until: PAST }))
  t.strictSame(saidBy(result), ['1 expired indicators'])
  t.equal('parts' in result && result.parts.length, 1, 'a source, for the rules on it')
  t.end()
})

t.test('errors have line and column', t => {
  const good = Array.from({ length: 20 }, (_, i) => line(`n${i}.example`))
  const bad = [
    '{"value":"x.example"',
    '[1]',
    '{"valve":"x.example"}',
    line('x.example', { valid_until: 'soon' }),
    line('x.example', { valid_until: '2026-02-40T00:00:00Z' }),
    line('x.example', { confidence: 101 }),
    line('x.example', { tlp: 'purple' }),
    line('x.example', { type: 'md5' }),
    line('com'),
    line('10.0.0.1/8')
  ]
  const result = readOne(lines(...good, ...bad), { format: 'feed' })
  t.strictSame(saidBy(result).slice(good.length), [
    ...['21:1', '22:1', '23:1', '24:22', '25:22', '26:22', '27:22', '28:22', '29:2', '30:2'].map(
      at => `RULES_LIST_LINE lists/m.txt:${at}`
    )
  ])
  const said = 'warnings' in result ? result.warnings.map(({ message }) => message) : []
  t.match(said[3], 'expected a time such as 2026-12-01T08:00:00Z')
  t.match(said[5], 'expected a number from 0 to 100')
  t.end()
})

t.test('TLP: names of each label are a source of their own, the strictest first', t => {
  const result = readOne(
    lines(
      line('a.example', { tlp: 'TLP:GREEN' }),
      line('b.example'),
      line('c.example', { tlp: 'red' }),
      line('d.example', { tlp: 'white' })
    )
  )
  const parts = 'parts' in result ? result.parts : []
  t.strictSame(
    parts.map(({ part }) => part?.tlp),
    ['red', 'green', 'clear', undefined]
  )
  t.end()
})

t.test('of several lines with one name, the one that expires last comes first', t => {
  const at = (days: number): object => {
    return { valid_until: new Date(Date.now() + days * 86_400_000).toISOString() }
  }
  const result = readOne(
    lines(line('a.example', at(3)), line('a.example', at(9)), line('b.example', at(5)))
  )
  const order: number[] = []
  const sink = { name: (...[, , , , line]: Parameters<NameSink['name']>) => void order.push(line) }
  if ('parts' in result) result.parts[0]!.writeTo({ ...sink, prefix: () => undefined })
  t.strictSame(order, [2, 3, 1])
  t.end()
})

t.test('each file of a folder has its own expiries', t => {
  const soon = new Date((Math.floor(Date.now() / 1000) + 1000) * 1000).toISOString()
  const result = readAll([
    lines(line('a.example'), line('b.example')),
    lines(line('c.example', { valid_until: soon }))
  ])
  const parts = 'parts' in result ? result.parts : []
  t.strictSame(
    parts.map(({ expiries }) => nextExpiry(expiries)),
    [Infinity, Date.parse(soon) / 1000]
  )
  t.end()
})
