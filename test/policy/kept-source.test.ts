import fc from 'fast-check'
import t from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import { KeptSource } from '../../src/policy/compile/kept-source.js'
import { dump } from './dump.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { allSources } from '../../src/policy/tables/source-table.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { covers } from '../../src/policy/rules/model/pattern.js'
import type { Cover, NameSource } from '../../src/policy/rules/model/types.js'
import { runs } from '../runs.js'
import { ban, block, network, part, ruleSet, seeds, source, wire } from './rule-set.js'

const SPECIAL_USE = specialUseNames([])
const LABELS = ['a', 'b', 'a.b', 'b.a', 'x.a.b', 'c.b.a', 'shared.test', 'localhost', '']
const PATTERNS = [
  ...LABELS.flatMap(name => [name, `=${name}`, `*.${name}`]).filter(it => it !== '='),
  ...['192.0.2.0/24', '192.0.2.128/25', '2001:db8::/32']
]

/** The names that a list blocks, and those that it passes. */
const someList = fc.record({
  blocks: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 8 }),
  passes: fc.uniqueArray(fc.constantFrom(...PATTERNS), { maxLength: 3 })
})
type List = typeof someList extends fc.Arbitrary<infer T> ? T : never

const someRules = fc.record({
  lists: fc.tuple(someList, someList, someList),
  app: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 5 }),
  inline: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 5 })
})

function partsOf(id: string, { blocks, passes }: List): NameSource[] {
  const passing = part(source(`${id}#pass`, ...passes), { list: id, effect: 'pass' })
  const blocking = part(source(id, ...blocks), { list: id, effect: 'rule' })
  return passes.length > 0 ? [passing, blocking] : [blocking]
}

/** The parts of a list as a snapshot has them. */
function kept(snapshot: Snapshot, parts: readonly NameSource[]): KeptSource[] {
  const list = parts[0]!.part!.list
  const all = allSources(snapshot.sources).all.filter(
    ({ kind, id }) => kind === 'list' && id === list
  )
  return parts.map((it, nth) => {
    return new KeptSource(snapshot, all[nth]!.index, { ...it, part: it.part! })
  })
}

function rulesOf(app: readonly string[], inline: readonly string[], lists: NameSource[][]) {
  const rules = [
    ban('app', [source('app', ...app)]),
    ...lists.map((parts, i) => block(`list${i}`, parts)),
    block('inline', [source('networks.yaml:3', ...inline)])
  ]
  return ruleSet(network('all', ['10.0.0.0/8'], rules))
}

const options = { random: seeds(7), specialUse: SPECIAL_USE }
const compiled = (rules: ReturnType<typeof rulesOf>): Snapshot =>
  compile(rules, { ...options, generation: 1 })

t.test('lists that are kept give the same snapshot as lists that are read again', t => {
  fc.assert(
    fc.property(someRules, someRules, fc.tuple(fc.boolean(), fc.boolean()), (one, two, keep) => {
      const ids = ['first', 'second', 'third']
      const before = compiled(
        rulesOf(
          one.app,
          one.inline,
          one.lists.map((list, i) => partsOf(ids[i]!, list))
        )
      )
      // The third list is gone, the order is another, and some lists are new.
      const lists = [1, 0].map(i => partsOf(ids[i]!, (keep[i] ? one : two).lists[i]!))
      const whole = compiled(rulesOf(two.app, two.inline, lists))
      const reused = lists.map((parts, nth) => (keep[1 - nth] ? kept(before, parts) : parts))
      const after = compiled(rulesOf(two.app, two.inline, reused))
      t.strictSame(dump(after).toSorted(), dump(whole).toSorted())
      t.strictSame(after.counts, whole.counts)
      t.strictSame(
        allSources(after.sources).all.map(({ digest, names }) => [digest, names]),
        allSources(whole.sources).all.map(({ digest, names }) => [digest, names])
      )
    }),
    runs(300)
  )
  t.end()
})

t.test('a kept list knows which names it covers, and writes its names', t => {
  fc.assert(
    fc.property(someList, fc.constantFrom(...LABELS, 'z.a', 'shared.test.a'), (list, name) => {
      const parts = partsOf('first', list)
      const snapshot = compiled(rulesOf(['other'], ['shared.test'], [parts]))
      const again = kept(snapshot, parts)
      t.strictSame(again.map(namesOf), parts.map(namesOf))
      t.strictSame(
        again.map(it => it.covers(wire(name))),
        parts.map(it => coversByNames(it, wire(name)))
      )
    }),
    runs(200)
  )
  t.end()
})

t.test('with another seed, the names are hashed again', t => {
  const parts = partsOf('first', { blocks: ['a', '=b', '*.c', '192.0.2.0/24'], passes: ['x.a'] })
  const before = compiled(rulesOf(['app'], ['b'], [parts]))
  const rules = rulesOf(['app'], ['b'], [kept(before, parts)])
  const after = compile(rules, { ...options, random: seeds(9), generation: 2 })
  t.not(after.names.seed, before.names.seed)
  t.strictSame(dump(after).toSorted(), dump(before).toSorted())
  t.end()
})

function namesOf(source: NameSource): string[] {
  const found: string[] = []
  source.writeTo({
    name: (octets, at, length, cover, line) =>
      void found.push(
        `${Buffer.from(octets.subarray(at, at + length)).toString('hex')} ${cover} ${line}`
      ),
    prefix: ({ address, length }, line) => void found.push(`${address.join('.')}/${length} ${line}`)
  })
  return found.sort()
}

function coversByNames(source: NameSource, name: Uint8Array): boolean {
  const kinds: readonly Cover[] = ['suffix', 'exact', 'below']
  let found = false
  source.writeTo({
    name: (octets, at, length, cover) =>
      void (found ||= covers(kinds[cover]!, octets.subarray(at, at + length), name)),
    prefix: () => undefined
  })
  return found
}
