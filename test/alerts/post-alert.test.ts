import { chmodSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, LookupFunction } from 'node:net'
import { Ajv } from 'ajv'
import t from 'tap'
import { alertMessage, testMessage } from '../../src/gateway/alerts/alert-body.js'
import { alertSchema } from '../../src/gateway/alerts/alert-schema.js'
import { hookFileErrors, readHookFiles } from '../../src/gateway/alerts/hook-files.js'
import { postAlert, type Hook } from '../../src/gateway/alerts/post-alert.js'
import type { AlertHookConfig } from '../../src/gateway/config/alert-config.js'
import { Site } from '../daemon/site.js'
import { makeCertificate } from '../tls/certificates.js'
import { isGenuine, startReceiver } from './receiver.js'

const SECRET = '0123456789abcdef0123456789abcdef'
const message = testMessage('gw1')
/** Every name is on loopback; names of other families never come. */
const lookup: LookupFunction = (_name, { all }, callback) => {
  if (all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

function siteWith(t: { teardown(run: () => unknown): void }): Site {
  const site = new Site(t, { secret: `${SECRET}\n` })
  chmodSync(site.path('secret'), 0o600)
  return site
}

const hookOf = (url: string, more: Partial<Hook> = {}): Hook => {
  return { name: 'ops', url, secretFile: undefined, caFile: undefined, timeout: 5_000, ...more }
}

t.test('a signed alert, as its schema has it', async t => {
  const site = siteWith(t)
  const receiver = await startReceiver(t)
  const url = `http://alerts.example:${receiver.port}/hook?token=1`
  const hook = hookOf(url, { secretFile: site.path('secret') })
  t.equal(await postAlert(hook, message, lookup), 204)
  const [{ headers, path, body, alert }] = receiver.received as [(typeof receiver.received)[0]]
  t.equal(path, '/hook?token=1')
  t.match(headers, {
    host: `alerts.example:${receiver.port}`,
    'content-type': 'application/json',
    'user-agent': /^interdict\/\d/,
    'interdict-event': 'test',
    'interdict-delivery': alert.delivery
  })
  t.match(alertSchema.parse(alert), {
    event: 'test',
    state: 'raised',
    subject: null,
    gateway: { name: 'gw1' },
    text: 'gw1: warning: test of interdict alerts (test)'
  })
  const validate = new Ajv({ formats: { 'date-time': true } }).compile(
    JSON.parse(readFileSync('docs/reference/schemas/alert.schema.json', 'utf8')) as object
  )
  t.ok(validate(alert), JSON.stringify(validate.errors))

  const signature = headers['interdict-signature'] as string
  const now = Date.now() / 1000
  t.ok(isGenuine(SECRET, signature, body, now))
  t.notOk(isGenuine(`${SECRET}.`, signature, body, now), 'another secret')
  t.notOk(isGenuine(SECRET, signature, `${body} `, now), 'another body')
  t.notOk(isGenuine(SECRET, signature, body, now + 1000), 'recorded earlier')
})

t.test('a resolved alert says so', async t => {
  const { body } = alertMessage(
    {
      ...{ id: message.delivery, event: 'upstream-down', repeat: 2, severity: 'warning' },
      ...{ subject: '192.0.2.1', message: 'upstream 192.0.2.1 does not answer' },
      state: 'resolved',
      since: '2026-01-01T00:00:00.000Z'
    } as const,
    'gw1'
  )
  const alert = alertSchema.parse(JSON.parse(body))
  t.equal(alert.text, 'gw1: resolved: upstream 192.0.2.1 does not answer (upstream-down)')
})

t.test('without a secret there is no signature', async t => {
  const receiver = await startReceiver(t)
  await postAlert(hookOf(`http://127.0.0.1:${receiver.port}`), message, lookup)
  t.equal(receiver.received[0]!.headers['interdict-signature'], undefined)
})

t.test('over TLS with a CA of its own', async t => {
  const { certificate, key } = makeCertificate({ names: ['alerts.example'] })
  const site = new Site(t, { 'ca.pem': certificate })
  const receiver = await startReceiver(t, { cert: certificate, key })
  const url = `https://alerts.example:${receiver.port}/`
  t.equal(await postAlert(hookOf(url, { caFile: site.path('ca.pem') }), message, lookup), 204)
  await t.rejects(postAlert(hookOf(url), message, lookup), {
    code: 'ALERT_SEND',
    message: /^cannot send alerts to ops: .*self.signed/i
  })
  const missing = hookOf(url, { caFile: site.path('none.pem') })
  await t.rejects(postAlert(missing, message, lookup), { code: 'ALERT_CA' })
  t.equal(receiver.received.length, 1)
})

t.test('a redirect is not followed, and an error status is a failure', async t => {
  const receiver = await startReceiver(t)
  const url = `http://127.0.0.1:${receiver.port}/`
  for (const [status, location] of [
    [302, url],
    [500, undefined]
  ] as const) {
    receiver.answer = response =>
      response.writeHead(status, location === undefined ? {} : { location }).end()
    await t.rejects(postAlert(hookOf(url), message, lookup), {
      code: 'ALERT_SEND',
      message: `cannot send alerts to ops: HTTP status ${status}`
    })
  }
  t.equal(receiver.received.length, 2)
})

t.test('of a response no more than the limit is read', async t => {
  const receiver = await startReceiver(t)
  let isClosed: Promise<unknown> | undefined
  receiver.answer = response => {
    response.writeHead(200)
    isClosed = new Promise(resolve => response.on('close', resolve))
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(8192)));
    }
    response.on('drain', write)
    write()
  }
  t.equal(await postAlert(hookOf(`http://127.0.0.1:${receiver.port}`), message, lookup), 200)
  await isClosed
})

t.test('no response in time, no connection, no address', async t => {
  const receiver = await startReceiver(t)
  receiver.answer = () => undefined
  const url = `http://127.0.0.1:${receiver.port}`
  await t.rejects(postAlert(hookOf(url, { timeout: 50 }), message, lookup), {
    message: 'cannot send alerts to ops: no response within 50 ms'
  })
  const closed = createServer()
  await new Promise<void>(resolve => closed.listen(0, '127.0.0.1', resolve))
  const { port } = closed.address() as AddressInfo
  await new Promise(resolve => closed.close(resolve))
  await t.rejects(postAlert(hookOf(`http://127.0.0.1:${port}`), message, lookup), {
    message: /connection refused/
  })
  const nowhere: LookupFunction = (_name, _options, callback) =>
    callback(new Error('cannot resolve it'), [])
  await t.rejects(postAlert(hookOf('http://alerts.example/'), message, nowhere), {
    message: 'cannot send alerts to ops: cannot resolve it'
  })
  const two: LookupFunction = (_name, _options, callback) =>
    callback(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 }
    ])
  await t.rejects(postAlert(hookOf(`http://alerts.example:${port}/`), message, two), {
    message: /127\.0\.0\.1 port \d+\); .*127\.0\.0\.2 port /
  })
})

t.test('the files of hooks', async t => {
  const site = siteWith(t)
  site.write('short', 'x'.repeat(31))
  chmodSync(site.path('short'), 0o640)
  site.write('open', SECRET)
  chmodSync(site.path('open'), 0o604)
  const files = (secret: string, ca?: string) => ({
    secretFile: site.path(secret),
    caFile: ca === undefined ? undefined : site.path(ca)
  })
  t.strictSame(readHookFiles(files('secret')), { secret: Buffer.from(SECRET), ca: undefined })
  const position = { file: 'interdict.yaml', line: 2, column: 5 }
  const errorsOf = (...all: ReturnType<typeof files>[]) =>
    hookFileErrors(all.map(one => ({ ...one, position }) as AlertHookConfig))
  t.strictSame(errorsOf(files('secret'), files('secret', 'secret')), [])
  t.match(
    errorsOf(files('short'), files('open'), files('none'), files('secret', 'none')).map(
      ({ code, message }) => `${code} ${message}`
    ),
    [
      /^ALERT_SECRET interdict\.yaml:2:5: .*short: it has 31 characters, fewer than 32$/,
      /^ALERT_SECRET .*open: mode 604 is too open; make it 600 or 640$/,
      /^ALERT_SECRET .*no such file or folder/,
      /^ALERT_CA .*no such file or folder/
    ]
  )
  t.throws(() => readHookFiles(files('short')), { code: 'ALERT_SECRET', message: /^cannot use/ })
})
