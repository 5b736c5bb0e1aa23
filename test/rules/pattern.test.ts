import t from 'tap'
import { readName, showName } from '../../src/wire/dns/name/name.js'
import { covers, coversTopLevelDomain, readPattern } from '../../src/policy/rules/model/pattern.js'

const reads = [
  { text: 'tiktok.example', cover: 'suffix', name: 'tiktok.example' },
  { text: '=TikTok.Example', cover: 'exact', name: 'tiktok.example' },
  { text: '*.tiktok.example.', cover: 'below', name: 'tiktok.example' },
  { text: '_a-1.example', cover: 'suffix', name: '_a-1.example' },
  { text: '360.example', cover: 'suffix', name: '360.example' },
  { text: 'bücher.example', cover: 'suffix', name: 'xn--bcher-kva.example' },
  { text: '*.пример.example', cover: 'below', name: 'xn--e1afmkfd.example' }
] as const

for (const { text, cover, name } of reads) {
  t.test(`reads ${text}`, async t => {
    const pattern = readPattern(text)
    t.equal(pattern?.cover, cover)
    t.equal(pattern && showName(pattern.name), name)
  })
}

const refused = [
  '*',
  '*tiktok.example',
  'a.*.example',
  '=*.a.example',
  '*.=a.example',
  'a b.example'
]
const odd = [
  'http://a.example',
  'a.example/',
  'a.example:53',
  '@a.example',
  '||a.example^',
  '10.0.0.1'
]

for (const text of [...refused, ...odd]) {
  t.test(`does not read ${text}`, async t => t.equal(readPattern(text), undefined))
}

for (const text of ['', '=', '*.', 'a..example', `${'a'.repeat(64)}.example`]) {
  t.test(`does not read ${JSON.stringify(text)} as a name`, async t => {
    t.throws(() => readPattern(text), { code: 'NAME_INVALID' })
  })
}

const covered = [
  { text: 'a.example', itself: true, below: true },
  { text: '=a.example', itself: true, below: false },
  { text: '*.a.example', itself: false, below: true }
] as const

for (const { text, itself, below } of covered) {
  t.test(`${text} covers the right names`, async t => {
    const { cover, name } = readPattern(text)!
    t.equal(covers(cover, name, readName('a.example')), itself)
    t.equal(covers(cover, name, readName('x.y.a.example')), below)
    for (const other of ['ba.example', 'example', 'a.example.org', '.', 'b.example']) {
      t.notOk(covers(cover, name, readName(other)), other)
    }
  })
}

t.test('does not mistake octets inside a label for labels', async t => {
  t.notOk(covers('suffix', readName('a.example'), readName('x\\001a.example')))
})

const widths = [
  { text: 'com', wide: true },
  { text: '*.com', wide: true },
  { text: '=com', wide: false },
  { text: '.', wide: true },
  { text: '=.', wide: true },
  { text: 'a.com', wide: false }
] as const

for (const { text, wide } of widths) {
  t.test(`finds ${text} ${wide ? '' : 'not '}too broad`, async t => {
    t.equal(coversTopLevelDomain(readPattern(text)!), wide)
  })
}
