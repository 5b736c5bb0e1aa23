import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import t from 'tap'
import { publicBans } from '../../src/admin/register/public-bans.js'
import { registerSite } from '../../src/admin/register/site.js'
import { TEXTS } from '../../src/admin/register/texts.js'
import { LANGUAGES } from '../../src/policy/rules/model/user-explanation.js'
import { NETWORKS, NOW, rulesOf } from './rules.js'

const rules = await rulesOf(NETWORKS)
const bans = publicBans(rules, NOW)
const site = registerSite(bans, 'nl', '2026-06-01')

t.test('bans in force, upcoming and ended, without bans in monitor mode', t => {
  t.strictSame(
    bans.map(({ reference, state, networks }) => [reference, state, networks]),
    [
      ['be-clip', 'in force', 2],
      ['ban-237d252768', 'ended', 2],
      ['ban-918e5c0a8c', 'upcoming', 2]
    ]
  )
  t.equal(bans[0]!.from, '2023-03-10', 'dates are in the time zone of the rules')
  t.end()
})

t.test('every page exists in every language, and at a URL without language', t => {
  const pages = ['index.html', ...bans.map(({ reference }) => `bans/${reference}/index.html`)]
  const expected = ['', ...LANGUAGES.map(it => `${it}/`)].flatMap(at => pages.map(it => at + it))
  t.strictSame([...site.keys()].sort(), [...expected, 'bans.json'].sort())
  for (const it of LANGUAGES) {
    const page = site.get(`${it}/index.html`)!
    t.match(page, `<html lang="${it}">`)
    t.match(page, `<h1>${TEXTS[it].title}</h1>`)
    t.match(site.get('bans/be-clip/index.html'), `lang="${it}"`)
  }
  t.match(site.get('index.html'), '<html lang="nl">')
  t.match(site.get('fr/bans/be-clip/index.html'), 'Pas ici')
  t.end()
})

t.test('texts of the rules are escaped, and nothing about clients is published', t => {
  const all = [...site.values()].join('\n')
  t.match(all, 'Decision &lt;7&gt; &amp; &quot;8&quot;')
  t.notMatch(all, '127.0.0.0')
  t.notMatch(all, 'watched.example')
  t.notMatch(all, 'ads.example')
  t.match(all, '<a href="mailto:dns@agency.example">dns@agency.example</a>')
  t.end()
})

t.test('the policy of each page allows its style sheet', t => {
  for (const [path, content] of site) {
    const style = /<style>([^]*?)<\/style>/.exec(content)?.[1]
    if (style === undefined) continue
    const digest = createHash('sha256').update(style).digest('base64')
    t.match(content, `style-src &#39;sha256-${digest}&#39;`, path)
  }
  t.end()
})

const TRANSLATED = `
networks:
  staff-lan-7:
    title: { en: Offices, fr: Bureaux }
    prefixes: [127.0.0.0/9]
    bans:
      - names: [clip.example]
        authority: Council
        reference: Decision 7
        legal-basis: Circular 716
        schedule: { days: mon-fri, hours: 08:00-17:00 }
        explain:
          fr: { title: Clips, authority: Conseil, reference: Décision 7, legal-basis: Circulaire 716 }
          nl: { authority: Raad }
      - { lists: [internal-list-3], authority: Council, reference: Decision 8 }
  guest-lan-9: { extends: staff-lan-7, prefixes: ['::1'] }
lists: { internal-list-3: { file: lists/x.txt } }
`

t.test('authority, reference, titles and days are those of the language of the page', async t => {
  const translated = await rulesOf(TRANSLATED, { 'lists/x.txt': 'list.example\n' })
  const [clip] = publicBans(translated, NOW)
  const pages = registerSite([clip!], 'en', '2026-06-01')
  const path = `bans/${clip!.reference}/index.html`
  const french = pages.get(`fr/${path}`)!
  t.match(french, 'Bloqué par décision : Clips. Conseil : Décision 7')
  for (const text of ['<h1>Clips</h1>', 'Conseil', 'Décision 7', 'Circulaire 716', 'Bureaux, +1'])
    t.match(french, text)
  t.match(french, /lun\.-ven\. 08:00-17:00/)
  for (const text of ['Council', 'Decision', 'Circular', 'Offices', 'mon-fri'])
    t.notMatch(french, text)
  const dutch = pages.get(`nl/${path}`)!
  t.match(dutch, 'Geblokkeerd bij besluit: clip.example. Raad: Decision 7')
  t.match(dutch, 'ma-vr 08:00-17:00')
  t.match(pages.get(`en/${path}`), 'Council: Decision 7')
})

t.test('ids of networks and lists are not published', async t => {
  const translated = await rulesOf(TRANSLATED, { 'lists/x.txt': 'list.example\n' })
  const all = [...registerSite(publicBans(translated, NOW), 'en', '2026-06-01')].flat().join('\n')
  for (const id of ['staff-lan-7', 'guest-lan-9', 'internal-list-3', 'list.example'])
    t.notMatch(all, id)
  t.match(all, 'Blocked by decision: names of a list. Council: Decision 8')
})

t.test('names written in a rule are named, the first five of them', async t => {
  const names = Array.from({ length: 7 }, (_, i) => `n${i}.example`)
  const more = `{ names: [${names.join(', ')}], authority: A, reference: R }`
  const text = `networks: { n: { prefixes: [10.0.0.0/8], bans: [${more}] } }`
  const [ban] = publicBans(await rulesOf(text), NOW)
  t.equal(ban!.texts.de.title, [...names.slice(0, 5), '+2'].join(', '))
})

t.test('every relative link leads to a page', t => {
  let links = 0
  for (const [path, content] of site) {
    for (const [, href] of content.matchAll(/href="([^":]+)"/g)) {
      const target = posix.join(posix.dirname(path), href!, 'index.html')
      t.ok(site.has(target), `${path}: ${href}`)
      links++
    }
  }
  t.ok(links > 60)
  t.end()
})

t.test('a register without bans says so', t => {
  t.match(registerSite([], 'de', '2026-06-01').get('index.html'), '<p>Keine.</p>')
  t.end()
})
