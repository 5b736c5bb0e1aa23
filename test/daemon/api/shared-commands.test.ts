import t from 'tap'
import { SharedCommands } from '../../../src/admin/api/shared-commands.js'

/** Commands that end when the test says so. */
function rig() {
  const started: {
    words: readonly string[]
    signal: AbortSignal
    end: (error?: Error) => void
    report: (progress: number) => void
  }[] = []
  let time = 0
  const shared = new SharedCommands(
    (words: readonly string[], signal, report: (progress: number) => void) =>
      new Promise((resolve, reject) => {
        const end = (error?: Error): void => (error === undefined ? resolve(words) : reject(error))
        started.push({ words, signal, end, report })
      }),
    () => time
  )
  return { shared, started, pass: (milliseconds: number) => (time += milliseconds) }
}

const { signal } = new AbortController()
const ignore = (): void => undefined

t.test('many that ask for the same get one answer, for half a minute', async t => {
  const { shared, started, pass } = rig()
  const all = [
    shared.run(['a'], signal, ignore),
    shared.run(['a'], signal, ignore),
    shared.run(['b'], signal, ignore)
  ]
  t.equal(started.length, 2)
  for (const { end } of started) end()
  t.strictSame(await Promise.all(all), [['a'], ['a'], ['b']])
  await shared.run(['a'], signal, ignore)
  t.equal(started.length, 2)
  pass(30_001)
  const later = shared.run(['a'], signal, ignore)
  t.equal(started.length, 3)
  started[2]!.end()
  await later
})

t.test('an error is not kept', async t => {
  const { shared, started } = rig()
  const first = shared.run(['a'], signal, ignore)
  started[0]!.end(new Error('no'))
  await t.rejects(first, { message: 'no' })
  void shared.run(['a'], signal, ignore)
  t.equal(started.length, 2)
})

t.test('a command that nobody waits for any more is killed', async t => {
  const { shared, started } = rig()
  const [one, other] = [new AbortController(), new AbortController()]
  const first = shared.run(['a'], one.signal, ignore)
  const left = shared.run(['a'], other.signal, ignore)
  one.abort()
  t.notOk(started[0]!.signal.aborted)
  other.abort()
  t.ok(started[0]!.signal.aborted)
  await t.rejects(first, 'without waiting for the command')
  await t.rejects(left)
  started[0]!.end(new Error('killed'))
  const done = new AbortController()
  const answered = shared.run(['b'], done.signal, ignore)
  started[1]!.end()
  await answered
  done.abort()
  t.notOk(started[1]!.signal.aborted, 'it has ended')
})

t.test('only the newest answers are kept', async t => {
  const { shared, started } = rig()
  for (let i = 0; i < 40; i++) void shared.run([String(i)], new AbortController().signal, ignore)
  void shared.run(['39'], signal, ignore)
  t.equal(started.length, 40)
  void shared.run(['0'], signal, ignore)
  t.equal(started.length, 41)
})

t.test('all that wait get the progress, also those that come later', async t => {
  const { shared, started } = rig()
  const seen: [string, number][] = []
  const note = (name: string) => (progress: number) => void seen.push([name, progress])
  const leaving = new AbortController()
  const first = shared.run(['a'], leaving.signal, note('first'))
  started[0]!.report(1)
  const second = shared.run(['a'], signal, note('second'))
  started[0]!.report(2)
  leaving.abort()
  started[0]!.report(3)
  started[0]!.end()
  await t.rejects(first)
  await second
  const expected = [
    ['first', 1],
    ['second', 1],
    ['first', 2],
    ['second', 2],
    ['second', 3]
  ]
  t.strictSame(seen, expected)
})
