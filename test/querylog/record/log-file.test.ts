import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ErrorCode } from '../../../src/base/errors/error.js'
import { openDestination, type OpenDestination } from '../../../src/lookups/files/destination.js'
import { LogFile, type Rotation } from '../../../src/lookups/files/log-file.js'
import { append, fakeClock, FakeDisk, folder } from './disk.js'

/** 2023-03-13T23:59:58.500Z: a second and a half before a new day. */
const LATE = 1678751998500
const ROTATION = { octets: 1000, daily: true }
const BIG = { octets: 2 ** 30, daily: false }

function logFile(path: string, rotation: Rotation = BIG, open?: OpenDestination) {
  const clock = fakeClock(LATE)
  const errors: ErrorCode[] = []
  const file = new LogFile(path, rotation, clock, error => errors.push(error.code), open)
  file.maintain()
  const write = (text: string) => file.write(Buffer.from(text), text.split('\n').length - 1)
  return { file, clock, errors, write }
}

t.test('creates the folder and the file, not world-readable', async t => {
  const { path } = folder(t)
  const place = join(path, 'deep', 'down', 'queries.jsonl')
  const { file } = logFile(place)
  t.equal(statSync(place).mode & 0o007, 0)
  await file.close()
})

t.test('appends to an existing file, after a torn line', async t => {
  const { file: path, read } = folder(t)
  append(path, 'whole\ntor')
  const { file, write } = logFile(path)
  t.equal(write('a\nb\n'), true)
  await file.close()
  t.equal(read(), 'whole\ntor\na\nb\n')
  t.match(file.counts, { written: 2, lost: 0, errors: 0 })
})

t.test('rotates before a file exceeds its size', async t => {
  const { file: path, names, read } = folder(t)
  const { file, clock, write } = logFile(path, ROTATION)
  write(`${'a'.repeat(599)}\n`)
  write(`${'b'.repeat(399)}\n`)
  t.strictSame(names(), ['queries.jsonl'], 'just full')
  clock.pass(1)
  write('c\n')
  write(`${'d'.repeat(2000)}\n`)
  await file.close()
  t.strictSame(names(), [
    'queries-20230313T235958.501Z.jsonl',
    'queries-20230313T235958.502Z.jsonl',
    'queries.jsonl'
  ])
  t.match(read('queries-20230313T235958.501Z.jsonl'), /^a{599}\nb{399}\n$/)
  t.equal(read('queries-20230313T235958.502Z.jsonl'), 'c\n')
  t.match(file.counts, { written: 4, rotations: 2, lost: 0, errors: 0 })
})

t.test('rotates on a new UTC day, but never an empty file', async t => {
  const { file: path, names, read } = folder(t)
  const { file, clock, write } = logFile(path, ROTATION)
  write('monday\n')
  clock.pass(1499)
  file.maintain()
  t.strictSame(names(), ['queries.jsonl'], 'not yet')
  clock.pass(1)
  write('tuesday\n')
  t.strictSame(names(), ['queries-20230314T000000.000Z.jsonl', 'queries.jsonl'])
  t.equal(read('queries-20230314T000000.000Z.jsonl'), 'monday\n')
  clock.pass(86_400_000)
  file.maintain()
  t.equal(names().length, 3, 'without a line, too')
  clock.pass(86_400_000)
  file.maintain()
  t.equal(names().length, 3)
  await file.close()
})

t.test('clock set back or ahead: no file is overwritten, no line lost', async t => {
  const { file: path, names, read } = folder(t)
  const { file, clock, write } = logFile(path, ROTATION)
  const DAY = 86_400_000
  const lines: string[] = []
  for (const [round, to] of [0, DAY, 0, -DAY, 0, DAY, -400 * DAY, DAY, DAY].entries()) {
    clock.set(LATE + to)
    for (const part of ['a', 'b']) {
      lines.push(`${round}${part}`)
      write(`${round}${part}\n`)
    }
    file.maintain()
  }
  await file.close()
  t.strictSame(
    names()
      .flatMap(name => read(name).trim().split('\n'))
      .sort(),
    lines
  )
  t.match(file.counts, { written: lines.length, lost: 0, errors: 0, rotations: 7 })
  t.equal(names().length, 8, 'one for each time that the day was another')
})

t.test('rotates a file that an earlier run left on another day', async t => {
  const { file: path, names } = folder(t)
  append(path, 'sunday\n')
  utimesSync(path, LATE / 1000 - 86_400, LATE / 1000 - 86_400)
  const { file, write } = logFile(path, ROTATION)
  write('monday\n')
  await file.close()
  t.equal(names().length, 2)
})

t.test('continues in a new file after logrotate has renamed it', async t => {
  const { file: path, read } = folder(t)
  const { file, write } = logFile(path)
  write('old\n')
  renameSync(path, `${path}.1`)
  file.reopen()
  write('new\n')
  await file.close()
  t.strictSame([read('queries.jsonl.1'), read()], ['old\n', 'new\n'])
})

t.test('a deleted file, or folder, is created again and reported; nothing is lost', async t => {
  const { path: root, names } = folder(t)
  const path = join(root, 'log', 'queries.jsonl')
  const { file, errors, write } = logFile(path)
  write('one\n')
  file.maintain() // as the recorder does after each round
  rmSync(join(root, 'log'), { recursive: true })
  t.equal(write('two\n'), true, 'noticed before writing')
  t.equal(readFileSync(path, 'utf8'), 'two\n')
  file.maintain()
  rmSync(path)
  file.maintain()
  t.equal(readFileSync(path, 'utf8'), '', 'noticed without a write')
  write('three\n')
  file.maintain()
  rmSync(path)
  writeFileSync(path, 'of somebody else\n')
  write('four\n')
  t.equal(readFileSync(path, 'utf8'), 'of somebody else\nfour\n', 'replaced by another file')
  t.strictSame(errors, ['LOG_DELETED', 'LOG_DELETED', 'LOG_DELETED'])
  t.match(file.counts, { written: 4, lost: 0, errors: 3 })
  await file.close()
  t.strictSame(names(), ['log'])
})

t.test('a deleted folder that cannot be created again: lines are counted as lost', async t => {
  const { path: root } = folder(t)
  const path = join(root, 'log', 'queries.jsonl')
  const { file, clock, errors, write } = logFile(path)
  rmSync(join(root, 'log'), { recursive: true })
  writeFileSync(join(root, 'log'), 'in the way')
  write('one\n')
  write('two\n')
  t.strictSame(errors, ['LOG_DELETED', 'LOG_OPEN'])
  t.match(file.counts, { written: 0, lost: 2 })
  rmSync(join(root, 'log'))
  clock.pass(1000)
  write('three\n')
  t.equal(readFileSync(path, 'utf8'), 'three\n')
  t.match(file.counts, { written: 1, lost: 2 })
  await file.close()
})

t.test('lines written in the instant of the deletion are counted as lost', async t => {
  const { file: path, read } = folder(t)
  const open: OpenDestination = path => {
    const destination = openDestination(path)
    const write = destination.write.bind(destination)
    return Object.assign(destination, {
      write(octets: Uint8Array) {
        if (Buffer.from(octets).toString() === 'lost\n') rmSync(path)
        write(octets)
      }
    })
  }
  const { file, errors, write } = logFile(path, BIG, open)
  write('before\n')
  file.maintain()
  write('lost\n')
  t.match(file.counts, { written: 2, lost: 0 })
  file.maintain()
  t.match(file.counts, { written: 1, lost: 1, errors: 1 })
  t.strictSame(errors, ['LOG_DELETED'])
  write('after\n')
  await file.close()
  t.equal(read(), 'after\n')
  t.match(file.counts, { written: 2, lost: 1 })
})

t.test(
  'a file that was moved with its folder is reported, and begun again after a minute',
  async t => {
    const { path } = folder(t)
    const place = join(path, 'log', 'queries.jsonl')
    const { file, clock, errors, write } = logFile(place)
    write('a\n')
    renameSync(join(path, 'log'), join(path, 'away'))
    file.maintain()
    t.equal(file.isMisplaced, false, 'logrotate may be about to ask for another file')
    clock.pass(6_000)
    file.maintain()
    t.equal(file.isMisplaced, true)
    write('b\n')
    t.strictSame(errors, [])
    clock.pass(60_000)
    file.maintain()
    t.equal(file.isMisplaced, false)
    write('c\n')
    await file.close()
    t.equal(readFileSync(join(path, 'away', 'queries.jsonl'), 'utf8'), 'a\nb\n')
    t.equal(readFileSync(place, 'utf8'), 'c\n')
    t.strictSame(errors, ['LOG_MOVED'])
    t.match(file.counts, { written: 3, lost: 0, errors: 1 })
  }
)

t.test('a file that logrotate moves, and asks for again, is not reported', async t => {
  const { path } = folder(t)
  const place = join(path, 'queries.jsonl')
  const { file, clock, errors, write } = logFile(place)
  write('a\n')
  renameSync(place, `${place}.1`)
  file.maintain()
  clock.pass(2_000)
  file.reopen()
  clock.pass(90_000)
  file.maintain()
  t.equal(file.isMisplaced, false)
  t.strictSame(errors, [])
  await file.close()
})

t.test('a renamed file is not a deleted one: writing goes on until SIGHUP', async t => {
  const { file: path, read } = folder(t)
  const { file, errors, write } = logFile(path)
  renameSync(path, `${path}.1`)
  write('one\n')
  file.maintain()
  t.equal(read('queries.jsonl.1'), 'one\n')
  t.strictSame(errors, [])
  await file.close()
})

t.test('continues in the same file if it cannot be renamed', async t => {
  const disk = new FakeDisk()
  const { file: path } = folder(t)
  append(path, 'there\n')
  const { file, errors, write } = logFile(path, { octets: 10, daily: false }, disk.open)
  renameSync(path, `${path}.gone`)
  write('a\nb\nc\n')
  t.strictSame(errors, ['LOG_ROTATE'])
  t.match(file.counts, { written: 3, lost: 0, rotations: 0 })
  t.equal(disk.text, 'a\nb\nc\n')
  await file.close()
})

t.test('full disk: buffers what it can, counts lost lines, recovers', async t => {
  const disk = new FakeDisk(30)
  const { file: path } = folder(t)
  append(path, '')
  const { file, clock, errors, write } = logFile(path, BIG, disk.open)
  t.equal(write('one\n'), true)
  disk.room = 3
  t.equal(write('two two\n'), false, 'the block is still needed')
  t.equal(write('three\n'), true, 'a copy waits')
  t.equal(write(`${'x'.repeat(40)}\ny\n`), true, 'too much: lost')
  t.match(file.counts, { written: 1, lost: 2 })
  disk.room = Infinity
  file.maintain()
  t.equal(file.counts.written, 1, 'not before a second has passed')
  clock.pass(1000)
  file.maintain()
  t.equal(disk.text, 'one\ntwo two\nthree\n')
  t.match(file.counts, { written: 3, lost: 2 })
  t.same(new Set(errors), new Set(['LOG_WRITE']))
  t.equal(write('four\n'), true)
  await file.close()
  t.match(file.counts, { written: 4, lost: 2 })
})

t.test('lines still queued on close are counted as lost, and closing ends', async t => {
  const disk = new FakeDisk()
  const { file: path } = folder(t)
  append(path, '')
  const { file, write } = logFile(path, BIG, disk.open)
  disk.room = 0
  write('one\ntwo\n')
  await file.close()
  t.match(file.counts, { written: 0, lost: 2 })
})

t.test('a file that cannot be opened: lines are lost and counted until it can', async t => {
  const disk = new FakeDisk()
  disk.opens = false
  const { file: path } = folder(t)
  append(path, '')
  const { file, clock, errors, write } = logFile(path, BIG, disk.open)
  t.strictSame(errors, ['LOG_OPEN'])
  t.equal(write('one\n'), true)
  disk.opens = true
  write('two\n')
  t.equal(file.counts.lost, 2, 'not tried before a second has passed')
  clock.pass(1000)
  write('three\n')
  t.match(file.counts, { written: 1, lost: 2, errors: 1 })
  t.equal(disk.text, 'three\n')
  await file.close()
})

t.test('a file that cannot be reopened: the same', async t => {
  const disk = new FakeDisk()
  const { file: path } = folder(t)
  append(path, '')
  const { file, clock, errors, write } = logFile(path, BIG, disk.open)
  disk.opens = false
  file.reopen()
  write('one\n')
  t.strictSame(errors, ['LOG_OPEN'])
  disk.opens = true
  clock.pass(1000)
  file.maintain()
  write('two\n')
  await file.close()
  t.match(file.counts, { written: 1, lost: 1 })
})

t.test('an inaccessible folder, on a real disk', async t => {
  const { path } = folder(t)
  append(join(path, 'file'), '')
  const { file, errors, write } = logFile(join(path, 'file', 'queries.jsonl'))
  write('one\n')
  t.strictSame(errors, ['LOG_OPEN'])
  t.match(file.counts, { written: 0, lost: 1, errors: 1 })
  await file.close()
})

t.test('a full device, with pino itself', async t => {
  const { file, clock, errors, write } = logFile('/dev/full')
  t.equal(write('one\n'), false)
  t.equal(write('two\n'), true)
  clock.pass(1000)
  file.maintain()
  t.ok(errors.length > 1 && errors.every(code => code === 'LOG_WRITE'))
  await file.close()
  t.match(file.counts, { written: 0, lost: 2 })
})
