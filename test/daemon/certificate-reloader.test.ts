import { renameSync } from 'node:fs'
import t, { type Test } from 'tap'
import { CertificateReloader } from '../../src/gateway/reload/certificate-reloader.js'
import { makeCertificate } from '../tls/certificates.js'
import { MemoryLog } from './serve.js'
import { eventually, Site } from './site.js'

const position = { file: 'interdict.yaml', line: 3, column: 5 }
const [one, two] = ['one.example', 'two.example'].map(name => makeCertificate({ names: [name] }))
const DAY = 86_400_000

function stage(t: Test, files: Record<string, string>, secret?: string) {
  const site = new Site(t, files)
  const log = new MemoryLog()
  const pair = { certificate: site.path('cert.pem'), key: site.path('key.pem'), position }
  const ticketSecret = secret === undefined ? undefined : { path: site.path(secret), position }
  let changes = 0
  const onChange = (): void => {
    changes++
  }
  const reloader = new CertificateReloader({
    files: [pair, pair],
    ticketSecret,
    inheritedKey: undefined,
    log,
    onChange
  })
  t.teardown(() => reloader.close())
  return { site, log, pair, reloader, changes: () => changes }
}

t.test('reloads a certificate when its files change, and on request', async t => {
  const files = { 'cert.pem': one!.certificate, 'key.pem': one!.key }
  const { site, log, pair, reloader, changes } = stage(t, files)
  t.strictSame(await reloader.reload(false), [])
  t.match(reloader.status, [
    { file: pair.certificate, names: ['one.example'], notAfter: /Z$/, error: null }
  ])
  t.equal(reloader.status.length, 1)
  t.equal(changes(), 1)
  const first = reloader.material([pair, pair])
  t.equal(first.certificates.length, 2)
  site.write('new.pem', two!.certificate)
  renameSync(site.path('new.pem'), pair.certificate)
  site.write('key.pem', two!.key)
  await eventually('the new one', () => reloader.status[0]?.names[0] === 'two.example')
  t.match(log.with('certificate reloaded'), [{ fields: { names: ['two.example'] } }])
  await reloader.reload(true)
  t.strictSame(reloader.material([pair]).ticketKey, first.ticketKey)
  t.equal(changes(), 2)
})

t.test('an unusable new version leaves the previous one in use', async t => {
  const files = { 'cert.pem': one!.certificate, 'key.pem': one!.key, secret: 'x'.repeat(32) }
  const { site, log, pair, reloader } = stage(t, files, 'secret')
  t.strictSame(await reloader.reload(false), [])
  const { certificates, ticketKey } = reloader.material([pair])
  site.write('cert.pem', two!.certificate)
  site.write('secret', 'short')
  await log.says('belong')
  await log.says('fewer than 32')
  t.match(log.with('belong'), [{ level: 'error', fields: { code: 'CERTIFICATE_KEY' } }])
  t.match(log.with('belong')[0]?.message, /; the previous version stays in use$/)
  t.match(reloader.status, [{ names: ['one.example'], error: { code: 'CERTIFICATE_KEY' } }])
  t.strictSame(reloader.material([pair]), { certificates, ticketKey, algorithms: undefined })
  t.equal((await reloader.reload(true)).length, 2)
  t.equal(log.with('belong').length, 2, 'an operator is told again')
  site.write('key.pem', two!.key)
  site.write('secret', 'y'.repeat(32))
  await eventually('both', () => reloader.status[0]?.error === null)
  await reloader.reload(false)
  t.notSame(reloader.material([pair]).ticketKey, ticketKey)
  t.equal(log.with('belong').length, 2)
})

t.test('errors of the first load are returned, not logged; then it is as at a start', async t => {
  const { site, log, reloader } = stage(t, { 'key.pem': one!.key })
  t.match(await reloader.reload(false), [{ code: 'CERTIFICATE_UNREADABLE' }])
  t.strictSame([reloader.status, log.lines], [[], []])
  const expired = makeCertificate({ notAfter: new Date(Date.now() - DAY) })
  site.write('cert.pem', expired.certificate)
  site.write('key.pem', expired.key)
  t.strictSame(await reloader.reload(false), [])
  t.match(log.with('expired at'), [{ level: 'warn', fields: { code: 'CERTIFICATE_VALIDITY' } }])
})

t.test('closing ends a reload that is under way', async t => {
  const { log, reloader, changes } = stage(t, { 'cert.pem': one!.certificate, 'key.pem': one!.key })
  const loaded = reloader.reload(false)
  reloader.close()
  t.strictSame(await loaded, [])
  t.equal(changes(), 0)
  t.equal(log.with('error').length, 0)
})
