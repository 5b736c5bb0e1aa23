import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isGenuine, startReceiver } from '../alerts/receiver.js'
import { FILES, interdict, SETTINGS, writeSite } from './run.js'

const SECRET = 'a secret of the webhook and of nobody else'

t.test('alerts test: sends a test to each webhook, and prints the outcome', async t => {
  const [good, bad] = [await startReceiver(t), await startReceiver(t)]
  bad.answer = response => response.writeHead(403).end('no')
  const settings = `${SETTINGS}identity: { name: gw1 }
alerts:
  - { name: good, url: 'http://127.0.0.1:${good.port}/', secret-file: secret, events: [rules-refused] }
  - { name: bad, url: 'http://localhost:${bad.port}/' }
`
  const file = writeSite(t, { ...FILES, 'interdict.yaml': settings, secret: SECRET })
  const secret = join(file, '../secret')
  chmodSync(secret, 0o600)
  const both = await interdict('alerts', 'test', '-c', file)
  t.match(both, {
    code: 1,
    out: 'good: sent, HTTP status 204\n',
    err: 'cannot send alerts to bad: HTTP status 403 (ALERT_SEND)\n'
  })
  const [{ headers, body, alert }] = good.received as [(typeof good.received)[0]]
  t.match(alert, { event: 'test', gateway: { name: 'gw1' } })
  t.ok(isGenuine(SECRET, headers['interdict-signature'] as string, body, Date.now() / 1000))

  bad.answer = response => response.writeHead(200).end()
  const json = await interdict('alerts', 'test', '-c', file, '--json')
  t.equal(json.code, 0)
  t.strictSame(JSON.parse(json.out), {
    ok: true,
    hooks: [
      { hook: 'good', status: 204, error: null },
      { hook: 'bad', status: 200, error: null }
    ]
  })

  chmodSync(secret, 0o644)
  t.match((await interdict('alerts', 'test', '-c', file)).err, /mode 644 .*\(ALERT_SECRET\)\n$/)
  t.match(await interdict('check', '-c', file), { code: 1, out: /:5:5: .*\(ALERT_SECRET\)/ })
})

t.test('alerts test without webhooks', async t => {
  const file = writeSite(t, FILES)
  t.match(await interdict('alerts', 'test', '-c', file), {
    code: 0,
    out: 'no hooks: the settings have no alerts\n'
  })
})
