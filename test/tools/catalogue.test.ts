import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readCatalogue } from '../../src/policy/rules/apps/catalogue.js'
import {
  coverage,
  ListComparison,
  ownCoverage,
  soleCoverage,
  type Comparison
} from '../../tools/catalogue/comparison.js'
import { COVERAGE_FILE, readCoverageLists } from '../../tools/catalogue/coverage-lists.js'
import { factsTable, measureFacts, popularClaims } from '../../tools/catalogue/facts-coverage.js'
import { hostNamesIn } from '../../tools/catalogue/host-names.js'
import { readListFrom } from '../../tools/catalogue/lists.js'
import { listsTable, replaceTable } from '../../tools/catalogue/page.js'

const LIST = [
  ...['clip.example', 'www.clip.example', 'x.clip-cdn.example', 'clip-new.test', 'a.clip-new.test'],
  ...['e1.akamaized.net', 'akamaized.net', 'github.io', 'cut.example', 'img.many.example', '']
].join('\n')

const site = (t: Test): string =>
  t.testdir({
    rules: {
      apps: {
        'clip.yaml':
          'app: clip\ntitle: Clip\npairs-with: [clip-shared]\n' +
          'names: [clip.example]\nshared-names: [many.example]\n',
        'clip-shared.yaml':
          'app: clip-shared\ntitle: Shared\nkind: shared\nnames: ["*.clip-cdn.example"]\n',
        'cut.yaml': 'app: cut\ntitle: Cut\nnames: [=cut.example]\nshared-names: [clip-new.test]\n'
      }
    },
    'list.txt': LIST,
    'list.txt.gz': gzipSync(LIST)
  })

async function compare(folder: string, place: string, app?: string) {
  const catalogue = await readCatalogue(join(folder, 'rules'))
  const list = await readListFrom(place)
  if (!catalogue.ok || 'errors' in list) throw new Error('cannot be read')
  return new ListComparison(catalogue.apps).compare(list.parts, app)
}

const result: Comparison = {
  app: 'clip',
  names: 10,
  own: 2,
  paired: 1,
  others: 1,
  shared: 4,
  missing: 2,
  missingNames: ['clip-new.test', 'a.clip-new.test'],
  domains: [
    ['clip-new.test', 2],
    ['akamaized.net', 2],
    ['github.io', 1],
    ['many.example', 1]
  ],
  uncounted: 0
}
const sorted = (one: Comparison): object => ({
  ...one,
  missingNames: [...one.missingNames].sort(),
  domains: Object.fromEntries(one.domains)
})

t.test('counts the names of a list by who claims them', async t => {
  const folder = site(t)
  for (const file of ['list.txt', 'list.txt.gz']) {
    const found = await compare(folder, join(folder, file))
    t.strictSame(sorted(found), sorted(result))
  }
})

t.test('coverage counts the app and its pairs; shared names count only of all', async t => {
  const folder = site(t)
  const found = await compare(folder, join(folder, 'list.txt'))
  t.equal(coverage(found), 3 / 10)
  t.equal(ownCoverage(found), 3 / 6)
  t.equal(soleCoverage(found), 3 / 5, 'without the name that only another app claims')
  const none = { ...found, names: 0, own: 0, paired: 0, others: 0, shared: 0 }
  t.strictSame([coverage(none), ownCoverage(none), soleCoverage(none)], [0, 0, 0])
})

t.test('the app of a list may be given', async t => {
  const folder = site(t)
  const found = await compare(folder, join(folder, 'list.txt'), 'cut')
  t.match(found, { app: 'cut', own: 1, paired: 0, others: 3 })
})

t.test('downloads lists, and reports a missing one', async t => {
  const folder = site(t)
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/list.txt' ? 200 : 404
    response.end(LIST)
  })
  t.teardown(() => server.close())
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  const found = await compare(folder, `http://127.0.0.1:${port}/list.txt`)
  t.strictSame(sorted(found), sorted(result))
  await t.rejects(readListFrom(`http://127.0.0.1:${port}/gone.txt`), /gone\.txt: status 404/)
})

t.test('finds host names in texts of any kind', async t => {
  const text = `{"host": "api16.clip.com", "url": "https://v1.clip-cdn.net/x.js?a=b.c"}
    import java.util.List; public final com.clip.app.Main m = of("quic.clip.com:443");
    DOMAIN-SUFFIX,clip.co.uk,direct  someone@mail.example.org 192.0.2.1 clip.com(1)`
  t.strictSame(hostNamesIn(text), [
    'api16.clip.com',
    'v1.clip-cdn.net',
    'quic.clip.com',
    'clip.co.uk'
  ])
  t.strictSame(hostNamesIn(text, /^ *DOMAIN-SUFFIX,([^,]+)/gm), ['clip.co.uk'])
})

t.test('npm run catalogue compares lists; exit code 1 if one cannot be read', async t => {
  const folder = site(t)
  const words = ['--rules', join(folder, 'rules'), '--names', `clip=${join(folder, 'list.txt')}`]
  const { out, errors, code } = await run(...words, join(folder, 'gone.txt'), 'clop=x')
  t.match(out, /list\.txt \(domains\): 10 names\n {2}2 claimed by clip, 1 by apps that it pairs/)
  t.match(out, /coverage 30\.0%, without shared ones 50\.0%, and without other apps' 60\.0%\n/)
  t.match(out, /2 missing names\n(?: {2}(?:a\.)?clip-new\.test\n){2}/)
  t.match(out, /\nclip: names below 4 registered names are missing\n/)
  t.match(out, /many\.example +in 1 of the lists, 1 names, shared: single names at most\n/)
  t.match(errors, /gone\.txt/)
  t.match(errors, /clop=x: no app 'clop'/)
  t.equal(code, 1)
})

t.test('npm run catalogue measures the lists of a file, from copies', async t => {
  const folder = site(t)
  const copy = join(folder, 'copies/lists/1/hosts.json')
  mkdirSync(dirname(copy), { recursive: true })
  writeFileSync(copy, '["www.clip.example", "cut.example.com", "a.clip.co.uk"]')
  const lists = join(folder, 'lists.yaml')
  const list = (url: string): string =>
    `    app: clip\n    about: a list\n    format: text\n    urls: [https://lists.example/${url}]\n`
  writeFileSync(lists, `lists:\n  hosts:\n${list('lists/1/hosts.json')}  gone:\n${list('gone')}`)
  const words = ['--rules', join(folder, 'rules'), '--lists', lists]
  const { out, errors, code } = await run(...words, '--from', join(folder, 'copies'))
  t.match(out, /^\| app +\| list +\| names \|/)
  t.match(out, /\| clip \| hosts \| +2 \| +0 \| +0 \| +0 \| +0 \| +2 \| +0\.0% \| +0\.0% \|\n/)
  t.match(errors, /gone/)
  t.equal(code, 1)
})

t.test('the page has a row for every list, and says where the list is', async t => {
  const page = readFileSync('docs/internals/catalogue.md', 'utf8')
  const lists = await readCoverageLists(COVERAGE_FILE)
  for (const { id, app } of lists) t.match(page, new RegExp(`\\| ${app} +\\| ${id}[ (]`), id)
  t.equal(replaceTable(page, 'lists', listsTable(lists)), page)
  t.throws(() => replaceTable('# A page without a place', 'lists', 'table'), /the page lacks/)
})

interface Run {
  readonly out: string
  readonly errors: string
  readonly code: number
}

function run(...words: string[]): Promise<Run> {
  const command = ['-u', 'NODE_OPTIONS', process.execPath, 'dist/tools/catalogue/run.js', ...words]
  return new Promise(done => {
    execFile('env', command, (error, out, errors) =>
      done({ out, errors, code: Number(error?.code ?? 0) })
    )
  })
}

t.test('facts are measured app by app, and popular names that apps claim are found', async t => {
  const folder = site(t)
  const facts = {
    'clip.yaml':
      'app: clip\ndomains:\n' +
      '  - { name: www.clip.example, tier: core }\n  - { name: x.clip-cdn.example, tier: core }\n' +
      '  - { name: clip.test, tier: core }\n  - { name: ads.clip.example, tier: avoid }\n' +
      '  - { name: other.example, tier: shared }\n',
    'unknown.yaml': 'app: unknown\ndomains: []\n',
    '_sources.yaml': 'sources: {}\n'
  }
  mkdirSync(join(folder, 'facts/apps'), { recursive: true })
  for (const [name, text] of Object.entries(facts))
    writeFileSync(join(folder, 'facts/apps', name), text)
  const catalogue = await readCatalogue(join(folder, 'rules'))
  const comparison = new ListComparison(catalogue.ok ? catalogue.apps : [])
  const measured = await measureFacts(join(folder, 'facts'), comparison)
  t.match(measured, [
    {
      app: 'clip',
      comparison: { names: 3, own: 1, paired: 1, missing: 1, missingNames: ['clip.test'] },
      avoided: ['ads.clip.example']
    }
  ])
  t.equal(measured.length, 1)
  t.match(factsTable(measured), /^clip +3 +1 +1 +0 +0 +1 +66\.7% +66\.7% +1$/m)
  const { names, byApp } = popularClaims(await readListFrom(join(folder, 'list.txt')), comparison)
  t.equal(names, 10)
  t.strictSame(byApp.get('clip'), ['clip.example', 'www.clip.example'])
})
