import fc from 'fast-check'
import { createHash } from 'node:crypto'
import t from 'tap'
import { applyJournal, effectiveZone, compactZone } from '../../src/wire/zonefile/effective-zone.js'
import { readJournal, writeVersion } from '../../src/wire/zonefile/zone-journal.js'

const octets = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const text = (from: Uint8Array): string => Buffer.from(from).toString('latin1')

const SOA = 'rpz.example. 60 IN SOA ns. admin. 1 60 60 60 60\n'
const BASE = `${SOA}a. 60 IN CNAME .\nb. 60 IN CNAME .\nc. 60 IN CNAME .\n`

const CASES = [
  { it: 'no journal', journal: '', after: BASE },
  { it: 'an addition', journal: '+d. 60 IN CNAME .\n', after: `${BASE}d. 60 IN CNAME .\n` },
  { it: 'a removal', journal: '-b. 60 IN CNAME .\n', after: BASE.replace('\nb', '\n;') },
  {
    it: 'a removal of what was added',
    journal: '+d. 60 IN CNAME .\n-d. 60 IN CNAME .\n',
    after: `${BASE};. 60 IN CNAME .\n`
  },
  {
    it: 'a removal, an addition of the same, and a removal again',
    journal: '-b. 60 IN CNAME .\n+b. 60 IN CNAME .\n-b. 60 IN CNAME .\n',
    after: `${BASE.replace('\nb', '\n;')};. 60 IN CNAME .\n`
  },
  { it: 'another SOA, which is not applied', journal: '~x. 60 IN SOA 2\n', after: BASE }
]

for (const { it, journal, after } of CASES) {
  t.test(`a zone with ${it}`, async t => {
    const before = octets(BASE)
    t.equal(text(effectiveZone(before, octets(journal))), after)
    t.equal(text(before), BASE, 'the base is unchanged')
    t.equal(applyJournal(before, octets(journal)).missing, 0)
  })
}

t.test('removals of missing lines are counted', async t => {
  const journal = octets('-x. 60 IN CNAME .\n-b. 60 IN CNAME .\n-b. 61 IN CNAME .\n')
  t.equal(applyJournal(octets(BASE), journal).missing, 2)
})

t.test('a base without a final line feed, and an empty one', async t => {
  t.equal(text(effectiveZone(octets('a\nb'), octets('-b\n'))), 'a\n;')
  t.equal(text(effectiveZone(octets(''), octets('+b\n'))), 'b\n')
})

t.test('any changes have the same effect as on a set of lines', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const change = fc.record({ sign: fc.constantFrom('+', '-'), name })
  fc.assert(
    fc.property(fc.uniqueArray(name), fc.array(change), (base, changes) => {
      const expected = new Set(base)
      const real = changes.filter(({ sign, name }) => {
        if ((sign === '+') === expected.has(name)) return false
        if (sign === '+') expected.add(name)
        else expected.delete(name)
        return true
      })
      const journal = octets(real.map(({ sign, name }) => `${sign}${name}\n`).join(''))
      const zone = octets(base.map(name => `${name}\n`).join(''))
      const { octets: applied, baseLines, missing } = applyJournal(zone, journal)
      const lines = text(applied).split('\n').slice(0, -1)
      const found = lines.filter(line => line !== ';')
      const isSame = [...found].sort().join() === [...expected].sort().join()
      return isSame && missing === 0 && baseLines === base.length
    })
  )
})

t.test('a compacted zone has the current lines, with the newest SOA first', async t => {
  const soa = SOA.replace(' 1 ', ' 2 ')
  const journal = octets(`-b. 60 IN CNAME .\n~${soa}+d. 60 IN CNAME .\n`)
  const compacted = compactZone(effectiveZone(octets(BASE), journal), journal)
  t.equal(text(compacted), `${soa}a. 60 IN CNAME .\nc. 60 IN CNAME .\nd. 60 IN CNAME .\n`)
})

t.test('the sum of a journal is chained, starting from the base', async t => {
  const base = createHash('sha256').update(BASE).digest('hex')
  const first = writeVersion({ from: 1, to: 2, lines: octets('+d\n') }, base)
  const second = writeVersion({ from: 2, to: 3, lines: octets('-d\n') }, first.sha256)
  const both = Buffer.concat([first.octets, second.octets])
  const read = readJournal(both, base)
  t.strictSame(read, { end: both.length, serial: 3, sha256: second.sha256 })
  const body = text(second.octets).replace(/= .*\n$/, '')
  const chained = createHash('sha256').update(Buffer.from(first.sha256, 'hex')).update(body)
  t.equal(second.sha256, chained.digest('hex'))
  t.strictSame(readJournal(second.octets, base), { end: 0, serial: undefined, sha256: base })
})

t.test('a version that does not continue the previous one is ignored', async t => {
  const base = createHash('sha256').update(BASE).digest('hex')
  const first = writeVersion({ from: 1, to: 2, lines: octets('+d\n') }, base)
  const later = writeVersion({ from: 3, to: 4, lines: octets('-d\n') }, first.sha256)
  const read = readJournal(Buffer.concat([first.octets, later.octets]), base)
  t.equal(read.serial, 2)
  t.equal(read.end, first.octets.length)
})
