import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { readCatalogue } from '../../src/rules/apps/catalogue.js'
import { ListComparison } from '../../tools/catalogue/comparison.js'
import { readListFrom } from '../../tools/catalogue/lists.js'

const LIST = [
  ...['clip.example', 'www.clip.example', 'x.clip-cdn.example', 'clip-new.test', 'a.clip-new.test'],
  ...['e1.akamaized.net', 'akamaized.net', 'github.io', 'cut.example', '']
].join('\n')

const site = (t: Test): string =>
  t.testdir({
    rules: {
      apps: {
        'clip.yaml': 'app: clip\ntitle: Clip\nnames: [clip.example, "*.clip-cdn.example"]\n',
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

const missing = {
  app: 'clip',
  names: 9,
  claimed: 3,
  claimedByOthers: 1,
  shared: 2,
  missing: 3,
  domains: [
    ['clip-new.test', 2],
    ['akamaized.net', 1]
  ],
  uncounted: 0
}

t.test('says what a list has that no app claims, by registered name', async t => {
  const folder = site(t)
  t.strictSame(await compare(folder, join(folder, 'list.txt')), missing)
  t.strictSame(await compare(folder, join(folder, 'list.txt.gz')), missing)
})

t.test('takes the word of who says of which app a list is', async t => {
  const folder = site(t)
  const found = await compare(folder, join(folder, 'list.txt'), 'cut')
  t.match(found, { app: 'cut', claimed: 1, claimedByOthers: 3 })
})

t.test('fetches lists, and says so where there is none', async t => {
  const folder = site(t)
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/list.txt' ? 200 : 404
    response.end(LIST)
  })
  t.teardown(() => server.close())
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  t.strictSame(await compare(folder, `http://127.0.0.1:${port}/list.txt`), missing)
  await t.rejects(readListFrom(`http://127.0.0.1:${port}/gone.txt`), /gone\.txt: status 404/)
})

t.test('npm run catalogue tells all lists, and ends with 1 where one cannot be read', async t => {
  const folder = site(t)
  const words = ['--rules', join(folder, 'rules'), `cut=${join(folder, 'list.txt')}`]
  const { out, code } = await run(...words, join(folder, 'gone.txt'))
  t.match(out, /list\.txt \(domains\): 9 names\n {2}1 claimed by cut, 3 by others alone\n/)
  t.match(out, /\ncut: names below 2 registered names are missing\n/)
  t.match(out, /clip-new\.test +in 1 of the lists, 2 names, shared: single names at most\n/)
  t.equal(code, 1)
  t.equal((await run(...words)).code, 0)
  t.equal((await run()).code, 1)
})

function run(...words: string[]): Promise<{ out: string; code: number }> {
  const command = ['-u', 'NODE_OPTIONS', process.execPath, 'dist/tools/catalogue/run.js', ...words]
  return new Promise(done => {
    execFile('env', command, (error, out) => done({ out, code: Number(error?.code ?? 0) }))
  })
}
