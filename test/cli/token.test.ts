import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { readTokens } from '../../src/admin/tokens/token-file.js'
import { interdict, onTerminal, writeSite } from './run.js'

t.test('a token from its creation to its end', async t => {
  const config = writeSite(t, { 'interdict.yaml': '' })
  const path = join(dirname(config), 'state/tokens.json')
  const token = (...words: string[]) => interdict('-c', config, 'token', ...words)
  t.strictSame(await token('list'), { code: 0, out: 'no tokens\n', err: '' })

  const made = await token(
    'create',
    '--name',
    'grafana',
    '--scope',
    'policy,read',
    '--expires',
    '7d'
  )
  t.match(made, { code: 0, out: /^interdict_[\w-]{43}\n$/ })
  t.match(made.err, /^token grafana \(read, policy\) expires at \S+; it is not shown again\n/)
  t.match(made.err, /admin\.http/, 'not served yet')
  t.equal(statSync(path).mode & 0o777, 0o600)
  const secret = made.out.trim()
  t.notMatch(readFileSync(path, 'utf8'), secret.slice(-43))
  const [stored] = readTokens(path)
  const lifetime = Date.parse(stored!.expires) - Date.parse(stored!.created)
  t.equal(lifetime, 7 * 86_400_000)

  const more = await token('create', '--name', 'ops', '--scope', 'operate', 'read', '--json')
  t.match(JSON.parse(more.out), {
    name: 'ops',
    scopes: ['read', 'operate'],
    expired: false,
    token: /^interdict_/
  })
  const listed = JSON.parse((await token('list', '--json')).out) as { tokens: object[] }
  t.match(listed.tokens, [{ name: 'grafana', scopes: ['read', 'policy'] }, { name: 'ops' }])
  t.strictSame(Object.keys(listed.tokens[0]!), ['name', 'scopes', 'created', 'expires', 'expired'])
  t.match(
    (await onTerminal(100, '-c', config, 'token', 'list')).out,
    /^grafana +read, policy .* valid/m
  )

  t.match(await token('create', '--name', 'ops', '--scope', 'read'), {
    code: 1,
    err: /API_TOKEN_EXISTS/
  })
  t.strictSame(await token('revoke', 'grafana'), { code: 0, out: 'grafana: revoked\n', err: '' })
  t.strictSame(JSON.parse((await token('revoke', 'ops', '--json')).out), { revoked: 'ops' })
  t.match(await token('revoke', 'ops'), { code: 1, err: /API_TOKEN_ABSENT/ })
  t.strictSame(readTokens(path), [])
})

t.test('wrong options', async t => {
  const config = writeSite(t, { 'interdict.yaml': "admin: { http: '127.0.0.1:8053' }" })
  const create = (...words: string[]) => interdict('-c', config, 'token', 'create', ...words)
  t.match(await create('--name', 'a b', '--scope', 'read'), { code: 2, err: /--name/ })
  t.match(await create('--name', 'a', '--scope', 'read,write'), {
    code: 2,
    err: /--scope: write is not one of read, operate, policy/
  })
  t.match(await create('--name', 'a', '--scope', 'read', '--expires', '1y'), {
    code: 2,
    err: /--expires: 1y/
  })
  t.match(await create('--name', 'a', '--scope', 'read', '--expires', '1m'), {
    code: 0,
    err: /shown again\n$/
  })
  const off = writeSite(t, { 'interdict.yaml': 'admin: { tokens: off }' })
  t.match(await interdict('-c', off, 'token', 'list'), { code: 1, err: /API_OFF/ })
})
