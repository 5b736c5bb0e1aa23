import { request, type IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { preferredLanguage } from '../../src/admin/register/accept-language.js'
import { LandingServer } from '../../src/admin/register/landing-server.js'
import { landingRules, NETWORKS, NOW } from './rules.js'

interface Page {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const server = new LandingServer(await landingRules(NETWORKS), () => NOW)
const port = await server.listen('127.0.0.1', 0)
t.teardown(() => server.close())

function get(host: string, headers: Readonly<Record<string, string>> = {}, method = 'GET') {
  return new Promise<Page>((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/x?y', method, agent: false }
    const sent = request({ ...options, headers: { host, ...headers } }, response => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (body += part))
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

t.test('a banned name is explained in the visitor’s language, with status 451', async t => {
  const page = await get('www.clip.example:80', { 'accept-language': 'es, fr-BE;q=0.8, en;q=0.5' })
  t.equal(page.status, 451)
  t.equal(page.headers['content-language'], 'fr')
  t.equal(page.headers.link, '<https://bans.agency.example/>; rel="blocked-by"')
  t.equal(page.headers['cache-control'], 'no-store')
  t.match(page.body, 'www.clip.example est bloqué sur ce réseau')
  t.match(page.body, 'Pas ici')
  t.match(page.body, 'href="https://bans.agency.example/fr/bans/be-clip/"')
  const other = await get('clip.example.', {})
  t.equal(other.headers['content-language'], 'nl', 'otherwise the language of the network')
})

t.test('a block is 403, a name that is not blocked 404', async t => {
  const block = await get('ads.example', { 'accept-language': 'en' })
  t.strictSame([block.status, block.headers.link], [403, undefined])
  t.match(block.body, 'ads.example is blocked on this network')
  const ended = await get('old.example', { 'accept-language': 'en' })
  t.equal(ended.status, 404)
  t.match(ended.body, 'old.example is not blocked for you')
})

t.test('without a name it shows the bans in force', async t => {
  for (const host of ['127.0.0.1', '[::1]:80', '<script>', '-'.repeat(70) + 'a']) {
    const page = await get(host, { 'accept-language': 'de' })
    t.equal(page.status, 404)
    t.match(page.body, 'Sperren in Kraft')
    t.match(page.body, '/de/bans/be-clip/')
    t.notMatch(page.body, '<script>')
  }
})

t.test('HEAD has no body, and other methods are refused', async t => {
  t.strictSame(await get('clip.example', {}, 'HEAD').then(it => [it.status, it.body]), [451, ''])
  const post = await get('clip.example', {}, 'POST')
  t.strictSame([post.status, post.headers.allow], [405, 'GET, HEAD'])
})

t.test('changed rules apply to the next request', async t => {
  server.replace(
    await landingRules(
      NETWORKS.replace('https://bans.agency.example', 'https://x.example').replaceAll(
        'clip.example',
        'new.example'
      )
    )
  )
  t.equal((await get('clip.example')).status, 404)
  t.equal((await get('new.example')).headers.link, '<https://x.example/>; rel="blocked-by"')
  server.replace(
    await landingRules(NETWORKS.replace('  register: https://bans.agency.example\n', ''))
  )
  const page = await get('clip.example')
  t.strictSame([page.status, page.headers.link], [451, undefined])
  t.notMatch(page.body, 'https://bans')
  t.match((await get('127.0.0.1')).body, '<h3>clip.example</h3>')
})

t.test('a port that is taken is an error', async t => {
  const second = new LandingServer(await landingRules(NETWORKS), () => NOW)
  await t.rejects(second.listen('127.0.0.1', port), { code: 'EADDRINUSE' })
})

t.test('the preferred language', t => {
  const cases: [string | undefined, string][] = [
    [undefined, 'nl'],
    ['', 'nl'],
    ['de', 'de'],
    ['DE-AT', 'de'],
    ['fr;q=0, de;q=0.1', 'de'],
    ['es', 'nl'],
    ['en;q=0.5, fr;q=0.5', 'en'],
    ['*;q=0.9, en;q=0.5', 'nl'],
    ['en;q=x, fr', 'en']
  ]
  for (const [header, expected] of cases)
    t.equal(preferredLanguage(header, 'nl'), expected, String(header))
  t.end()
})
