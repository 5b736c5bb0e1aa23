import t from 'tap'
import { SharedCommands } from '../../../src/admin/api/shared-commands.js'

/** Commands that end when the test says so. */
function rig() {
  const started: { words: readonly string[]; signal: AbortSignal; end: (error?: Error) => void }[] =
    []
  let time = 0
  const shared = new SharedCommands(
    (words: readonly string[], signal) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve(words) : reject(error))
        started.push({ words, signal, end })
      }),
    () => time
  )
  return { shared, started, pass: (milliseconds: number) => (time += milliseconds) }
}

const { signal } = new AbortController()

t.test('many that ask for the same get one answer, for half a minute', async t => {
  const { shared, started, pass } = rig()
  const all = [shared.run(['a'], signal), shared.run(['a'], signal), shared.run(['b'], signal)]
  t.equal(started.length, 2)
  for (const { end } of started) end()
  t.strictSame(await Promise.all(all), [['a'], ['a'], ['b']])
  await shared.run(['a'], signal)
  t.equal(started.length, 2)
  pass(30_001)
  const later = shared.run(['a'], signal)
  t.equal(started.length, 3)
  started[2]!.end()
  await later
})

t.test('an error is not kept', async t => {
  const { shared, started } = rig()
  const first = shared.run(['a'], signal)
  started[0]!.end(new Error('no'))
  await t.rejects(first, { message: 'no' })
  void shared.run(['a'], signal)
  t.equal(started.length, 2)
})

t.test('a command that nobody waits for any more is killed', async t => {
  const { shared, started } = rig()
  const [one, other] = [new AbortController(), new AbortController()]
  const first = shared.run(['a'], one.signal)
  const left = shared.run(['a'], other.signal)
  one.abort()
  t.notOk(started[0]!.signal.aborted)
  other.abort()
  t.ok(started[0]!.signal.aborted)
  started[0]!.end(new Error('killed'))
  await t.rejects(first)
  await t.rejects(left)
  const done = new AbortController()
  const answered = shared.run(['b'], done.signal)
  started[1]!.end()
  await answered
  done.abort()
  t.notOk(started[1]!.signal.aborted, 'it has ended')
})

t.test('only the newest answers are kept', async t => {
  const { shared, started } = rig()
  for (let i = 0; i < 40; i++) void shared.run([String(i)], new AbortController().signal)
  void shared.run(['39'], signal)
  t.equal(started.length, 40)
  void shared.run(['0'], signal)
  t.equal(started.length, 41)
})
