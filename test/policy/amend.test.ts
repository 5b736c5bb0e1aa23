import fc from 'fast-check'
import t from 'tap'
import { amend } from '../../src/policy/compile/amend.js'
import { compile } from '../../src/policy/compile/compile.js'
import { zoneChanges } from '../../src/policy/compile/zone-changes.js'
import { compare } from '../../src/policy/compile/compare.js'
import { dump } from './dump.js'
import type { Snapshot } from '../../src/policy/tables/snapshot.js'
import { specialUseNames } from '../../src/policy/tables/special-use-names.js'
import { readList } from '../../src/policy/rules/lists/read-list.js'
import { readRpzLines, type RpzLine } from '../../src/policy/rules/lists/rpz/rpz-lines.js'
import { runs } from '../runs.js'
import { ban, block, network, ruleSet, seeds, source } from './rule-set.js'

const ZONE = 'rpz.test.'
/** Records that give the zone a list part for each action, whatever else changes. */
const ANCHORS = ['CNAME .', 'CNAME *.', 'CNAME rpz-passthru.', 'A 192.0.2.9']
/** Possible records of an owner. */
const POLICIES = [
  [],
  ['CNAME .'],
  ['CNAME *.'],
  ['CNAME rpz-passthru.'],
  ['A 192.0.2.1'],
  ['A 192.0.2.1', 'TXT "some text"'],
  ['CNAME walled.test.'],
  ['CNAME rpz-drop.'],
  ['NAPTR nonsense']
]

/** The text of a zone as lines; removed ones have become comments. */
type Lines = readonly string[]

const NAMES = ['x', '*.x', 'y.x', '*.y.x', 'z', 'shared.test', 'localhost']
const someOwner = fc.constantFrom(...NAMES, '24.0.2.0.192.rpz-ip')
const someZone = fc.dictionary(someOwner, fc.constantFrom(...POLICIES.slice(0, -1)))
/** Mostly names, with actions that the zone has. */
const someChange = fc.oneof(
  { weight: 1, arbitrary: fc.dictionary(someOwner, fc.constantFrom(...POLICIES)) },
  {
    weight: 4,
    arbitrary: fc.dictionary(fc.constantFrom(...NAMES), fc.constantFrom(...POLICIES.slice(0, 7)))
  }
)

function recordsOf(owner: string, records: readonly string[]): string[] {
  return records.map(record => `${owner}.${ZONE} 60 IN ${record}`)
}

function zoneOf(owners: Readonly<Record<string, readonly string[]>>): Lines {
  const anchors = ANCHORS.flatMap((record, nth) => recordsOf(`anchor${nth}`, [record]))
  const own = Object.entries(owners).flatMap(([owner, records]) => recordsOf(owner, records))
  return [`${ZONE} 60 IN SOA . . 1 60 60 60 60`, ...anchors, ...own]
}

function compiled(lines: Lines, generation: number): Snapshot {
  const octets = Buffer.from(lines.join('\n') + '\n')
  const read = readList({ id: 'rpz', format: 'rpz' }, [{ octets, file: ZONE, displayName: ZONE }])
  if ('errors' in read) throw read.errors[0]!
  const app = source('app', 'shared.test', 'x', '=z')
  const rules = [ban('ban', [app]), block('zone', read.parts)]
  const set = { ...ruleSet(network('net', ['10.0.0.0/8'], rules)) }
  return compile(set, { generation, random: seeds(7), specialUse: specialUseNames([]) })
}

/** Turns removed lines into comments and appends added ones. */
function change(
  lines: Lines,
  owners: Readonly<Record<string, readonly string[]>>
): { lines: Lines; removed: RpzLine[]; added: RpzLine[] } {
  const removed: RpzLine[] = []
  const kept = lines.map((text, i) => {
    const owner = Object.keys(owners).find(owner => text.startsWith(`${owner}.${ZONE} `))
    const stays = owner === undefined || recordsOf(owner, owners[owner]!).includes(text)
    if (stays) return text
    removed.push({ text, line: i + 1 })
    return `;${text.slice(1)}`
  })
  const all = Object.entries(owners).flatMap(([owner, records]) => recordsOf(owner, records))
  const appended = all.filter(text => !lines.includes(text))
  const added = appended.map((text, i) => ({ text, line: kept.length + i + 1 }))
  return { lines: [...kept, ...appended], removed, added }
}

/** The entries for names and addresses in an order that does not depend on how they were added. */
function contentOf(snapshot: Snapshot): string[] {
  const lines = dump(snapshot).flatMap(line => /^(?:name|address|data) (.*)$/.exec(line)?.[1] ?? [])
  return [
    ...new Set(
      lines.map(line =>
        line
          .split(/(?<= line \d+\)) /)
          .sort()
          .join(' ')
      )
    )
  ].sort()
}

function amended(
  before: Snapshot,
  { removed, added }: { removed: RpzLine[]; added: RpzLine[] }
): ReturnType<typeof amend> {
  const [less, more] = [removed, added].map(lines => readRpzLines(ZONE, lines))
  if (less === undefined || more === undefined) return undefined
  const changes = zoneChanges(before, 'rpz', { removed: less, added: more })
  return changes && amend(before, { ...changes, generation: 2, zones: [] })
}

t.test('an amended snapshot equals a compiled one', t => {
  let taken = 0
  fc.assert(
    fc.property(someZone, fc.array(someChange, { minLength: 1, maxLength: 3 }), (zone, changes) => {
      let lines = zoneOf(zone)
      let snapshot = compiled(lines, 1)
      for (const owners of changes) {
        const next = change(lines, owners)
        const got = amended(snapshot, next)
        if (got === undefined) return
        taken++
        const whole = compiled(next.lines, 2)
        t.strictSame(contentOf(got.snapshot), contentOf(whole))
        t.equal(got.snapshot.counts.names, whole.counts.names)
        const differences = compare(got.snapshot, whole)
        t.strictSame(differences.sources.changed, [])
        t.strictSame(got.changes.names, compare(snapshot, whole).names)
        lines = next.lines
        snapshot = got.snapshot
      }
    }),
    runs(300)
  )
  t.ok(taken > runs(300).numRuns / 6, `it was amended ${taken} times`)
  t.end()
})
