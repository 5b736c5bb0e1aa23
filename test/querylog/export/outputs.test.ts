import t from 'tap'
import { Outputs } from '../../../src/lookups/export/outputs.js'
import { eventually, Site } from '../../daemon/site.js'
import { rememberingLog } from '../record/events.js'
import { numbers, output, push, Sink, upTo } from './sinks.js'

t.test('an output that changes goes on with its spool; one that stays is left alone', async t => {
  const site = new Site(t, {})
  const [first, second] = [await new Sink(t).listen(), await new Sink(t).listen()]
  const before = output(site, { to: { port: first.port } })
  const after = output(site, { to: { port: second.port } })
  const outputs = new Outputs(rememberingLog())
  t.teardown(() => outputs.close())
  outputs.configure([before])
  push(outputs, 0, 1)
  await eventually('the first has one', () => outputs.counts()[0]!.sent === 1)
  outputs.configure([before])
  t.match(outputs.counts(), [{ sent: 1 }], 'it goes on')

  outputs.configure([after])
  push(outputs, 1, 2)
  outputs.push(Buffer.alloc(16 * 1024 * 1024), 3)
  t.match(outputs.counts(), [{ sent: 0, dropped: 3, connected: false }], 'it waits, within a limit')
  await eventually('the second has the other', () => numbers(second.all).length === 1)
  t.strictSame(numbers(first.all), [0])
  outputs.configure([])
  t.strictSame(outputs.counts(), [])
})

t.test('an output that is replaced before it has started loses nothing', async t => {
  const site = new Site(t, {})
  const gone = await new Sink(t).listen()
  const { port } = gone
  await gone.close()
  const config = output(site, { to: { port } })
  const outputs = new Outputs(rememberingLog())
  t.teardown(() => outputs.close())
  for (let i = 0; i < 4; i++) {
    outputs.configure(i % 2 === 0 ? [config] : [{ ...config, which: 'blocked' }])
    push(outputs, i, i + 1)
  }
  outputs.configure([])
  outputs.configure([config])
  const sink = await new Sink(t).listen(port)
  await eventually('all', () => numbers(sink.all).length === 4)
  t.strictSame(numbers(sink.all), upTo(4))
})
