import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { failure } from '../../../src/base/errors/error.js'
import { openDestination } from '../../../src/lookups/files/destination.js'
import {
  createServiceLog,
  type LogLevel,
  type ReopenableServiceLog,
  type ServiceLog
} from '../../../src/base/log/service-log.js'
import { folder } from './disk.js'

/** What `tell` makes the log write. */
function told(
  tell: (log: ServiceLog) => void,
  { isTTY = false, level = 'info' as LogLevel, environment = {} }
): string {
  let text = ''
  const terminal = { isTTY, write: (more: string) => (text += more) }
  tell(createServiceLog({ level, destination: 'stderr' }, terminal, environment))
  return text
}
const plain = { isTTY: true, environment: { NO_COLOR: '1' } }

t.test('writes JSON unless on a terminal', async t => {
  const text = told(log => log.warn({ port: 53 }, 'careful'), {})
  const line = JSON.parse(text) as Record<string, unknown>
  t.match(line, { level: 'warn', msg: 'careful', port: 53, time: /^\d{4}-\d\d-\d\dT.*Z$/ })
  t.strictSame(Object.keys(line), ['level', 'time', 'port', 'msg'])
})

t.test('omits entries below its level', async t => {
  const tell = (log: ServiceLog) => {
    log.info({}, 'one')
    log.warn({}, 'two')
    log.error({}, 'three')
  }
  t.match(told(tell, { level: 'warn' }), /two.*\n.*three/)
  t.notMatch(told(tell, { level: 'warn' }), /one/)
  t.equal(told(tell, { level: 'silent' }), '')
})

const shown = [
  {
    it: 'plain words',
    fields: { address: '192.0.2.1', tries: 3 },
    text: 'address=192.0.2.1 tries=3'
  },
  { it: 'words with spaces', fields: { why: 'no route' }, text: 'why="no route"' },
  { it: 'orders to the terminal', fields: { name: 'a\u001b[2Jb' }, text: 'name=a\\u{1b}[2Jb' },
  { it: 'a reversal of writing', fields: { name: 'a\u202eb' }, text: 'name=a\\u{202e}b' },
  { it: 'lists', fields: { all: [1, 2] }, text: 'all=[1,2]' },
  {
    it: 'an error',
    fields: { err: failure('ADDRESS_INVALID', 'x') },
    text: "err=ADDRESS_INVALID: 'x' is not an IP address"
  }
]
for (const { it, fields, text } of shown) {
  t.test(`shows ${it} on one line of a terminal`, async t => {
    const line = told(log => log.info(fields, 'message\n'), plain)
    t.match(line, /^\d\d:\d\d:\d\d\.\d{3} info {2}message\\u\{a\} /)
    t.equal(line.slice(line.indexOf('\\u{a} ') + 6), `${text}\n`)
  })
}

t.test('uses colours on a terminal unless NO_COLOR is set', async t => {
  const tell = (log: ServiceLog) => log.error({}, 'message')
  t.match(told(tell, { isTTY: true }), '\u001b[31merror\u001b[0m')
  t.notMatch(told(tell, plain), '\u001b')
  t.match(told(tell, { isTTY: true, environment: { NO_COLOR: '' } }), '\u001b')
})

t.test('appends to a file synchronously', async t => {
  const { file, read } = folder(t)
  for (const message of ['one', 'two']) {
    createServiceLog({ level: 'info', destination: { path: file } }).info({}, message)
  }
  t.strictSame(
    read()
      .trim()
      .split('\n')
      .map(line => (JSON.parse(line) as { msg: string }).msg),
    ['one', 'two']
  )
})

/** What a log in a file at `path` makes of one message, and of a second after `between`. */
function toldIn(
  path: string,
  between: (log: ReopenableServiceLog) => void = () => undefined
): string {
  let text = ''
  const terminal = { write: (more: string) => (text += more) }
  const log = createServiceLog({ level: 'info', destination: { path } }, terminal)
  log.info({}, 'one')
  between(log)
  log.info({}, 'two')
  return text
}

const messages = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { msg: string }).msg)

t.test('buffers at most 1 MiB for a reader that does not read', async t => {
  const unread: string[] = []
  const terminal = {
    get writableLength() {
      return unread.join('').length
    },
    write: (more: string) => unread.push(more)
  }
  const log = createServiceLog({ level: 'info', destination: 'stderr' }, terminal)
  const text = 'x'.repeat(100_000)
  for (let i = 0; i < 100; i++) log.info({}, text)
  t.equal(unread.length, 11)
  unread.length = 0
  log.info({}, 'heard again')
  t.match(unread, [/heard again/])
})

t.test('other settings are used once they are in force', async t => {
  const { path: place } = folder(t)
  const [first, second] = [join(place, 'first'), join(place, 'second')]
  const log = createServiceLog({ level: 'info', destination: { path: first } })
  log.prepare({ level: 'error', destination: { path: second } }).discard()
  log.prepare({ level: 'error', destination: { path: first } }).discard()
  log.info({}, 'one')
  const prepared = log.prepare({ level: 'warn', destination: { path: second } })
  log.info({}, 'two')
  prepared.commit()
  log.info({}, 'below the level')
  log.warn({}, 'three')
  log.prepare({ level: 'info', destination: { path: second } }).commit()
  log.info({}, 'four')
  t.throws(() => log.prepare({ level: 'info', destination: { path: place } }), { code: 'EISDIR' })
  const said = (file: string): string[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(line => (JSON.parse(line) as { msg: string }).msg)
  t.strictSame(said(first), ['one', 'two'])
  t.strictSame(said(second), ['three', 'four'])
  let text = ''
  const terminal = createServiceLog(
    { level: 'info', destination: { path: first } },
    { write: more => (text += more) }
  )
  terminal.prepare({ level: 'info', destination: 'stderr' }).commit()
  terminal.reopen()
  terminal.info({}, 'here')
  terminal.prepare({ level: 'info', destination: { path: second } }).commit()
  t.match(text, /"here"/)
})

t.test('creates the folders of its file', async t => {
  const { path } = folder(t)
  const file = join(path, 'a/b/c.jsonl')
  t.equal(toldIn(file), '')
  t.strictSame(messages(readFileSync(file, 'utf8')), ['one', 'two'])
})

t.test('continues in a new file after reopen', async t => {
  const { path, file, names } = folder(t)
  toldIn(file, log => {
    renameSync(file, join(path, 'old'))
    log.reopen()
  })
  t.strictSame(messages(readFileSync(file, 'utf8')), ['two'])
  t.strictSame(messages(readFileSync(join(path, 'old'), 'utf8')), ['one'])
  t.strictSame(names(), ['old', 'queries.jsonl'])
})

t.test('continues in the old file if reopen fails, and logs that', async t => {
  const { path, file } = folder(t)
  const told = toldIn(file, log => {
    renameSync(file, join(path, 'old'))
    mkdirSync(file)
    log.reopen()
  })
  t.equal(told, '')
  t.match(messages(readFileSync(join(path, 'old'), 'utf8')), [
    'one',
    /still writing to the old file/,
    'two'
  ])
})

t.test('creates a deleted file, or folder, again and logs that', async t => {
  const { path } = folder(t)
  const file = join(path, 'logs', 'service.jsonl')
  for (const deleted of [file, join(path, 'logs')]) {
    rmSync(join(path, 'logs'), { recursive: true, force: true })
    const told = toldIn(file, () => rmSync(deleted, { recursive: true }))
    t.equal(told, '')
    const found = messages(readFileSync(file, 'utf8'))
    t.strictSame(found, ['service log was deleted; created it again', 'two'])
  }
})

t.test('writes to stderr while a deleted file cannot be created again', async t => {
  const { path } = folder(t)
  const file = join(path, 'logs', 'service.jsonl')
  const told = toldIn(file, () => {
    rmSync(join(path, 'logs'), { recursive: true })
    writeFileSync(join(path, 'logs'), 'not a folder')
  })
  t.strictSame(messages(told), ['two'])
})

const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

t.test('full disk: lines the file does not accept go to stderr', onLinux, async t => {
  t.strictSame(messages(toldIn('/dev/full')), ['one', 'two'])
})

t.test('rejects a path whose folder cannot be created, at once', onLinux, async t => {
  // Node's recursive mkdir never returns there.
  t.throws(() => toldIn('/proc/no/such/log'), { code: 'ENOENT' })
  t.throws(() => openDestination('/proc/no/such/log'), { code: 'ENOENT' })
})

t.test('rejects a pipe without a reader instead of blocking', onLinux, async t => {
  const { path } = folder(t)
  const pipe = join(path, 'pipe')
  execFileSync('mkfifo', [pipe])
  t.throws(() => toldIn(pipe), { code: 'ENXIO' })
  t.throws(() => openDestination(pipe), { code: 'ENXIO' })
})
