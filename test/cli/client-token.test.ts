import { createHash } from 'node:crypto'
import t from 'tap'
import { interdict } from './run.js'

const URL = 'https://dns.example/dns-query'

t.test('prints a URL with a token, and the hash for the rules', async t => {
  const { code, out, err } = await interdict('client-token', `${URL}/`)
  t.equal(code, 0)
  const [, token = ''] = /^https:\/\/dns\.example\/dns-query\/([\w-]{43})\n$/.exec(out) ?? []
  t.match(err, `token: sha256:${createHash('sha256').update(token).digest('hex')}`)
  const json = JSON.parse((await interdict('client-token', URL, '--json')).out) as object
  t.match(json, { url: /^https:\/\/dns\.example\/dns-query\/[\w-]{43}$/, token: /^sha256:/ })
})

t.test('takes no other URLs', async t => {
  for (const url of ['http://dns.example/', 'dns.example', `${URL}?dns=a`, `${URL}#a`, 'https://'])
    t.match(await interdict('client-token', url), { code: 2, err: /<url>/ })
})
