import { createSocket } from 'node:dgram'
import { appendFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { eventually, Site } from '../../daemon/site.js'
import { CERTIFICATE, line, numbers, openOutlet, push, Sink, upTo } from './sinks.js'

t.test('sends JSON lines as in the log', async t => {
  const sink = await new Sink(t).listen()
  const { outlet } = openOutlet(t, { to: { port: sink.port } })
  push(outlet, 0, 3)
  await eventually('three', () => numbers(sink.all).length === 3)
  t.equal(sink.all, [0, 1, 2].map(us => `${line(us)}\n`).join(''))
  t.match(outlet.counts(), { sent: 3, dropped: 0, waitingOctets: 0, connected: true })
})

t.test('sends only blocked lookups if configured', async t => {
  const sink = await new Sink(t).listen()
  const { outlet } = openOutlet(t, { to: { port: sink.port }, which: 'blocked' })
  push(outlet, 0, 3, { verdict: 'cached' })
  push(outlet, 3, 4, { verdict: 'monitored' })
  await eventually('one', () => numbers(sink.all).length > 0)
  t.strictSame(numbers(sink.all), [3])
})

t.test('syslog over TCP: octet counting', async t => {
  const sink = await new Sink(t).listen()
  const { outlet } = openOutlet(t, {
    ...{ type: 'syslog', format: 'sentence', to: { port: sink.port } }
  })
  push(outlet, 5, 6, { pattern: 'a"b]c\\d' })
  await eventually('a message', () => sink.all !== '')
  const [, count, message] = /^(\d+) (.*)$/s.exec(sink.all)!
  t.equal(Number(count), message!.length)
  t.match(
    message,
    /^<133>1 2023-03-13T09:26:53\.589Z \S+ interdict \d+ blocked \[interdict@32473 v="1" .*\] 10\.20\.3\.4 asked for www\.tiktok\.com AAAA: blocked by federal-phones\/tiktok \(networks\.yaml:14\), app tiktok$/
  )
  t.match(message, String.raw` pattern="a\"b\]c\\d" `)
})

t.test('syslog over UDP: one datagram each, without text if too long', async t => {
  const server = createSocket('udp4')
  const received: string[] = []
  server.on('message', message => received.push(message.toString()))
  await new Promise<void>(resolve => server.bind(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>(resolve => server.close(() => resolve())))
  const to = { kind: 'udp', port: server.address().port } as const
  const { outlet } = openOutlet(t, { type: 'syslog', to })
  push(outlet, 0, 1)
  push(outlet, 1, 2, { pattern: 'x'.repeat(1000) })
  await eventually('two datagrams', () => received.length === 2)
  t.ok(received[0]!.endsWith(`] ${line(0)}`))
  t.match(received[1], /^<133>1 .*\]$/)
  t.ok(received[1]!.length <= 2048)
})

t.test('TLS: the name in the certificate and its issuer are verified', async t => {
  const sink = await new Sink(t, true).listen()
  const to = { kind: 'tls', port: sink.port } as const
  const good = openOutlet(t, { to, tls: { ca: CERTIFICATE } })
  push(good.outlet, 0, 1)
  await eventually('one', () => numbers(sink.all).length === 1)
  for (const tls of [{ ca: CERTIFICATE, serverName: 'other.example' }, {}]) {
    const bad = openOutlet(t, { to, tls })
    push(bad.outlet, 1, 2)
    await eventually('it is reported', () =>
      bad.log.told.some(({ code }) => code === 'OUTPUT_DOWN')
    )
    await bad.outlet.close()
  }
  t.strictSame(numbers(sink.all), [0])
})

t.test('an output that is down gets the backlog once it is up, in order, without loss', async t => {
  const gone = await new Sink(t).listen()
  const { port } = gone
  await gone.close()
  const { outlet, log, site } = openOutlet(t, { to: { port } })
  for (let i = 0; i < 100; i++) push(outlet, i * 100, (i + 1) * 100)
  await eventually('it is reported', () => log.told.length > 0)
  t.ok(readdirSync(site.path('spool')).length > 5, 'most of it is on the disk')
  t.ok(
    readdirSync(site.path('spool')).every(name => {
      return statSync(site.path(`spool/${name}`)).size <= 256 * 1024
    })
  )
  const sink = await new Sink(t).listen(port)
  await eventually('all', () => numbers(sink.all).length >= 10_000)
  t.strictSame(numbers(sink.all), upTo(10_000))
  t.strictSame(readdirSync(site.path('spool')), [])
  t.strictSame(
    log.told.map(({ code }) => code),
    ['OUTPUT_DOWN', undefined]
  )
})

t.test('an output that closes midway gets the whole block again', async t => {
  const sink = await new Sink(t).listen()
  sink.rude = true
  const { outlet } = openOutlet(t, { to: { port: sink.port } })
  // More than the kernel takes at once, so that it is under way when the other end closes.
  push(outlet, 0, 20_000)
  await eventually('it was closed', () => outlet.counts().errors > 0)
  sink.rude = false
  push(outlet, 20_000, 20_001)
  await eventually('all', () => numbers(sink.all).includes(20_000))
  const last = sink.received.at(-1)!
  t.strictSame(numbers(last), upTo(20_001))
  t.ok(
    last
      .split('\n')
      .slice(0, -1)
      .every(text => text.startsWith('{') && text.endsWith('}'))
  )
})

t.test('lookups without space in the spool are dropped and counted, newest first', async t => {
  const { outlet, log, site } = openOutlet(t, { to: { port: 1 }, octets: 300_000 })
  for (let i = 0; i < 100; i++) push(outlet, i * 100, (i + 1) * 100)
  const { dropped, waitingOctets } = outlet.counts()
  t.ok(dropped > 0)
  await outlet.close()
  t.match(
    log.told.map(({ code }) => code),
    ['OUTPUT_OVERRUN']
  )
  const sink = await new Sink(t).listen()
  const again = openOutlet(t, { to: { port: sink.port } }, site)
  t.ok(again.outlet.counts().waitingOctets >= waitingOctets - 64 * 1024, 'as it was')
  const kept = 10_000 - dropped
  await eventually('the rest', () => numbers(sink.all).length >= kept)
  t.strictSame(numbers(sink.all), upTo(kept))
})

t.test('after a restart the backlog comes first, without torn lines', async t => {
  const first = openOutlet(t, { to: { port: 1 } })
  push(first.outlet, 0, 10)
  await first.outlet.close()
  const [name] = readdirSync(first.site.path('spool'))
  appendFileSync(first.site.path(`spool/${name!}`), '{"v":1,"time":"2023')
  const sink = await new Sink(t).listen()
  const { outlet } = openOutlet(t, { to: { port: sink.port } }, first.site)
  push(outlet, 10, 20)
  await eventually('all', () => numbers(sink.all).length >= 20)
  t.equal(
    sink.all,
    upTo(20)
      .map(us => `${line(us)}\n`)
      .join('')
  )
})

t.test('an unusable spool folder is reported, and memory is used instead', async t => {
  const site = new Site(t, {})
  writeFileSync(site.path('spool'), 'a file')
  const sink = await new Sink(t).listen()
  const { outlet, log } = openOutlet(t, { to: { port: sink.port } }, site)
  push(outlet, 0, 1)
  await eventually('it is sent', () => numbers(sink.all).length === 1)
  t.match(log.told, [{ code: 'OUTPUT_SPOOL' }])
})
