/** Changes that open names, which health reports: shrunken local lists, removed bans, names of certificates. */
import { renameSync } from 'node:fs'
import t from 'tap'
import { sendToFirst } from '../../src/gateway/socket/admin-client.js'
import { healthOf } from '../../src/gateway/status/health.js'
import { makeCertificate } from '../tls/certificates.js'
import { serving, type Rig } from './serve.js'
import { eventually } from './site.js'

const NETWORKS = 'rules/networks.yaml'
const LIST = 'rules/lists/own.txt'
const names = (count: number): string =>
  Array.from({ length: count }, (_, i) => `n${i}.example\n`).join('')
const networks = (...bans: readonly string[]): string => `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans: [${bans.join(', ')}]
    block: [{ lists: [own] }]
lists:
  own: { file: lists/own.txt }
`
const CLIP = '{ id: clip, names: [clip.example], authority: A, reference: R }'
const CHAT = '{ id: chat, names: [chat.example], authority: A, reference: R }'
const files = { [NETWORKS]: networks(CLIP, CHAT), [LIST]: names(50) }

/** Without those of the upstream, which there is none. */
const problems = async ({ gateway }: Rig): Promise<readonly string[]> =>
  healthOf(await gateway.status())
    .problems.map(({ code, subject }) => `${code} ${subject}`)
    .filter(it => !it.startsWith('UPSTREAM'))
const reports = (rig: Rig, problem: string) =>
  eventually(problem, async () => (await problems(rig)).includes(problem))
const isWell = (rig: Rig) =>
  eventually('no problem', async () => (await problems(rig)).length === 0)

t.test('a local list that shrinks is reported until it is confirmed', async t => {
  const rig = await serving(t, { files, reloads: true, more: 'admin: { socket: admin.sock }' })
  rig.site.write(LIST, names(45))
  await rig.log.says('rules reloaded')
  t.strictSame(await problems(rig), [], 'a tenth less is an ordinary change')
  rig.site.write(LIST, names(1))
  await reports(rig, 'LIST_SHRUNK own')
  t.match(
    rig.log.lines.filter(({ fields }) => fields.code === 'RULES_LIST_SHRUNK'),
    [{ message: /from 45 to 1 entries.*interdict lists confirm own/ }]
  )
  const status = await rig.gateway.status()
  t.match(status.rules.shrunkLists, [{ id: 'own', before: 45, now: 1 }])
  const confirm = (list: string) =>
    sendToFirst([rig.site.path('admin.sock')], { do: 'confirm', list }, 10_000)
  t.match(await confirm('other'), { ok: false, code: 'REMOTE_NOT_HELD' })
  t.strictSame(await confirm('own'), { ok: true, result: { id: 'own', entries: 1 } })
  await isWell(rig)
  rig.site.write(LIST, names(40))
  await eventually('a longer list', async () => (await rig.gateway.status()).rules.names >= 40)
  rig.site.write(LIST, names(3))
  await reports(rig, 'LIST_SHRUNK own')
  rig.site.write(LIST, names(39))
  await isWell(rig)
})

t.test('a ban that was in force and is removed is reported, until it is back', async t => {
  const rig = await serving(t, { files, reloads: true })
  rig.site.write(NETWORKS, networks(CHAT))
  await reports(rig, 'BAN_REMOVED clip')
  t.match(
    rig.log.lines.filter(({ fields }) => fields.code === 'RULES_BAN_REMOVED'),
    [{ message: 'ban in force until now is no longer: clip' }]
  )
  rig.site.write(NETWORKS, networks(CLIP, CHAT))
  await isWell(rig)
  rig.site.write(NETWORKS, networks(CLIP, CHAT.replace('}', ', mode: monitor }')))
  await reports(rig, 'BAN_REMOVED chat')
  rig.site.write(NETWORKS, networks(CLIP, CHAT.replace('}', ', until: 2020-01-01 }')))
  await eventually('another change', () => rig.log.with('rules reloaded').length === 4)
  t.strictSame(await problems(rig), ['BAN_REMOVED chat'])
})

t.test('a certificate for another name than clients use is reported', async t => {
  const { certificate, key } = makeCertificate({ names: ['other.example'] })
  const rig = await serving(t, {
    files: { ...files, 'cert.pem': certificate, 'key.pem': key },
    listen: [
      '127.0.0.1:0',
      '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem, name: kiosks.example }'
    ],
    more: 'discovery: { name: dns.example }'
  })
  await reports(rig, 'CERTIFICATE_NAME listen other.example')
  const right = makeCertificate({ names: ['dns.example', 'one.kiosks.example'] })
  rig.site.write('new.pem', right.certificate)
  rig.site.write('key.pem', right.key)
  renameSync(rig.site.path('new.pem'), rig.site.path('cert.pem'))
  await eventually('the right name', async () => {
    return (await problems(rig)).every(it => !it.startsWith('CERTIFICATE_NAME'))
  })
})
