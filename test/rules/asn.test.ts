import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { showPrefix } from '../../src/base/values/address.js'
import { findAsns } from '../../src/policy/rules/asn/asn-database.js'
import { loadRules } from '../../src/policy/rules/load.js'
import { RulesFolder } from '../../src/policy/rules/model/folder.js'
import { mmdb, type MmdbOptions } from '../fixtures/mmdb.js'
import { brief, NOW, poured } from './folder.js'

const SYSTEMS = {
  '192.0.2.0/24': 64496,
  '198.51.100.128/25': 64496,
  '203.0.113.0/24': 64497,
  '2001:db8::/32': 64496,
  '2001:db9::/48': 4200000000
}

const found = (octets: Buffer, ...asns: number[]): Record<number, string[]> =>
  Object.fromEntries(
    [...findAsns(octets, asns).prefixes].map(([asn, all]) => [asn, all.map(showPrefix)])
  )

for (const recordSize of [24, 28, 32] as const) {
  t.test(`finds prefixes of both families once, in records of ${recordSize} bits`, async t => {
    t.same(found(mmdb(SYSTEMS, { recordSize }), 64496, 4200000000, 64499), {
      64496: ['192.0.2.0/24', '198.51.100.128/25', '2001:db8::/32'],
      4200000000: ['2001:db9::/48']
    })
  })
}

t.test('finds prefixes in a database of IPv4 alone', async t => {
  const octets = mmdb({ '192.0.2.0/24': 64496, '0.0.0.0/1': 64497 }, { ipVersion: 4 })
  t.same(found(octets, 64496, 64497), { 64496: ['192.0.2.0/24'], 64497: ['0.0.0.0/1'] })
})

/** Loads rules with a database, or without. */
async function loaded(t: Test, bans: string, database?: Buffer, files = {}) {
  const folder = t.testdir({
    rules: {
      'networks.yaml': `networks:\n  all:\n    prefixes: [10.0.0.0/8]\n    bans:\n${bans}\n`,
      ...files
    }
  })
  const asnDatabase = join(folder, 'asn.mmdb')
  if (database !== undefined) writeFileSync(asnDatabase, database)
  const source = new RulesFolder(join(folder, 'rules'), { asnDatabase })
  const clock = { now: () => 0, wall: () => NOW }
  return { result: await loadRules(source, clock), source, asnDatabase }
}

const BAN = '      - { addresses: [192.0.2.0/24, { asn: 64496 }], authority: A, reference: R }'
const built = new Date(NOW)
const database = (options: MmdbOptions = {}): Buffer => mmdb(SYSTEMS, { built, ...options })

t.test('a rule and an app match the prefixes of an autonomous system, each once', async t => {
  const app = 'app: clip\ntitle: Clip\naddresses:\n  - { asn: 4200000000 }\n'
  const ban = `${BAN}\n      - { apps: [clip], authority: A, reference: R }`
  const { result, source, asnDatabase } = await loaded(t, ban, database(), {
    apps: { 'clip.yaml': app }
  })
  if (!result.ok) throw new Error(String(result.errors))
  t.same(result.warnings, [])
  const [first, second] = result.rules.networks[0]!.rules.map(rule => poured(rule.sources[0]!))
  t.same(first, ['192.0.2.0/24 5', '198.51.100.128/25 5', '2001:db8::/32 5'])
  t.same(second, ['2001:db9::/48 4'])
  t.match(result.rules.asns, { built: built.toISOString(), systems: [64496, 4200000000] })
  t.ok(result.rules.files.includes(asnDatabase), 'it is watched')
  t.equal(result.rules.networks[0]!.rules[0]!.id, 'all/192.0.2.0+1')
  t.ok(
    source.contents().some(({ name }) => name.endsWith('asn/prefixes')),
    'in the history'
  )
})

t.test('another database is another version of the rules', async t => {
  const sums = []
  for (const asn of [64496, 64497]) {
    const { result } = await loaded(t, BAN, mmdb({ '192.0.2.0/25': asn }, { built }))
    if (result.ok) sums.push(result.rules.sha256, result.rules.ownSha256)
  }
  t.not(sums[0], sums[2])
  t.equal(sums[1], sums[3], 'what people edit is the same')
})

const broken = (change: (octets: Buffer) => Buffer): Buffer => change(Buffer.from(database()))

for (const [it, octets, why] of [
  ['missing', undefined, /asn\.mmdb: no such file/],
  ['empty', Buffer.alloc(0), /not a MaxMind DB file/],
  ['text', Buffer.from('hello'), /not a MaxMind DB file/],
  ['cut off at the end', broken(it => it.subarray(0, -40)), /asn\.mmdb: /],
  ['cut off in the tree', broken(it => Buffer.concat([it.subarray(700)])), /asn\.mmdb: /],
  ['one of other facts', database({ key: 'country_code' }), /no autonomous_system_number/]
] as const) {
  t.test(`a database that is ${it} is an error at each system`, async t => {
    const { result } = await loaded(t, BAN, octets)
    if (result.ok) throw new Error('loaded')
    t.same(brief(result.errors), ['RULES_ASN_DATABASE networks.yaml:5:37'])
    t.match(result.errors[0]!.message, why)
    t.match(result.errors[0]!.message, /AS64496/)
  })
}

t.test('a tree that leads back to itself is an error', async t => {
  const octets = mmdb({ '192.0.2.0/24': 64496 }, { recordSize: 32 })
  octets.writeUInt32BE(0, 4)
  octets.writeUInt32BE(0, 0)
  t.throws(() => findAsns(octets, [64496]), /corrupt tree/)
})

t.test('without a database in the settings, the error says what to set', async t => {
  const folder = t.testdir({
    'networks.yaml': `networks:\n  all:\n    prefixes: [10.0.0.0/8]\n    bans:\n${BAN}\n`
  })
  const result = await loadRules(folder)
  t.match(result, { ok: false, errors: [{ code: 'RULES_ASN_DATABASE', message: /asn-database/ }] })
})

t.test('warns of a system without prefixes, and of an old database', async t => {
  const ban = BAN.replace('64496', '65551')
  const old = database({ built: new Date(NOW - 61 * 86_400_000) })
  const { result } = await loaded(t, ban, old)
  if (!result.ok) throw new Error(String(result.errors))
  t.same(brief(result.warnings).sort(), [
    'RULES_ASN_EMPTY networks.yaml:5:37',
    'RULES_ASN_OLD networks.yaml:5:37'
  ])
})

for (const [text, expected] of [
  ['{ asn: 0 }', /addresses\[0\].*1 to 4294967294/s],
  ['{ asn: AS64496 }', /addresses\[0\].*1 to 4294967294/s],
  ['{ asn: 4294967295 }', /addresses\[0\].*1 to 4294967294/s],
  ['{ as: 64496 }', /addresses\[0\]/],
  ['10.1.2.3/8', /host bits: write 10\.0\.0\.0\/8/]
] as const) {
  t.test(`rejects ${text}`, async t => {
    const ban = `      - { addresses: [${text}], authority: A, reference: R }`
    const { result } = await loaded(t, ban, database())
    if (result.ok) throw new Error('loaded')
    t.match(result.errors.map(({ message }) => message).join('\n'), expected)
  })
}
