import { fstatSync, openSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isJournal, journalEntry } from '../../src/base/log/journal-fields.js'
import { createServiceLog, type ServiceLog } from '../../src/base/log/service-log.js'
import { loadSystem } from '../../src/base/system/linux.js'
import { openJournal } from '../../src/base/system/notify-socket.js'
import { receiveNotifications, socketFolder } from '../udp/notify-receiver.js'

/** What standard error and the journal's socket get. */
function told(
  open: () => ((entry: Buffer) => boolean) | undefined,
  tell: (log: ServiceLog) => void
) {
  let text = ''
  const terminal = { write: (more: string) => (text += more) }
  const options = { level: 'info', destination: 'stderr' } as const
  tell(createServiceLog(options, terminal, {}, { isJournal: true, open }))
  return text
}

const three = (log: ServiceLog): void => {
  log.info({}, 'one')
  log.warn({ code: 'LIST_MISSING' }, 'two')
  log.error({ code: 'RULES_X', network: 'phones' }, '/etc/interdict/networks.yaml:12:5: three')
}

t.test('lines to the journal have its priorities', async t => {
  const lines = told(() => undefined, three)
    .trimEnd()
    .split('\n')
  t.match(lines, [/^<6>\{"level":"info"/, /^<4>\{"level":"warn"/, /^<3>\{"level":"error"/])
})

t.test('a line that the socket does not take goes through the stream', async t => {
  t.match(
    told(() => () => false, three),
    /^<6>.*\n<4>.*\n<3>.*\n$/
  )
})

const isAvailable = typeof loadSystem() !== 'string'

t.test('entries have a level, and fields to select by', { skip: !isAvailable }, async t => {
  const path = join(socketFolder(t), 'journal')
  t.equal(openJournal(path), undefined, 'without a socket there is no journal')
  const receiver = receiveNotifications(path)
  t.equal(
    told(() => openJournal(path), three),
    ''
  )
  const [one, two, last] = receiver.states()
  t.match(one, ['PRIORITY=6', 'SYSLOG_IDENTIFIER=interdict', /^MESSAGE=\{"level":"info".*"one"\}$/])
  t.strictSame(two?.slice(3), ['INTERDICT_CODE=LIST_MISSING', ''])
  t.match(last, [
    'PRIORITY=3',
    'SYSLOG_IDENTIFIER=interdict',
    /^MESSAGE=/,
    'INTERDICT_FILE=/etc/interdict/networks.yaml',
    'INTERDICT_LINE=12',
    'INTERDICT_COLUMN=5',
    'INTERDICT_CODE=RULES_X',
    'INTERDICT_NETWORK=phones'
  ])
  receiver.close()
  t.match(
    told(() => openJournal(path), three),
    /^<6>/,
    'the journal has ended'
  )
})

t.test('values of several lines have their size before them', async t => {
  const line = { level: 'warn', msg: 'm', restartMs: 5, why: 'a\nb', err: { code: 'LOG_WRITE' } }
  const entry = journalEntry(`${JSON.stringify(line)}\n`).toString('latin1')
  t.ok(entry.endsWith('INTERDICT_WHY\n\u0003\0\0\0\0\0\0\0a\nb\n'))
  t.match(entry, /\nINTERDICT_CODE=LOG_WRITE\nINTERDICT_RESTART_MS=5\n/)
})

t.test('standard error is the journal if JOURNAL_STREAM is the same file', async t => {
  const file = openSync('/dev/null', 'r')
  const { dev, ino } = fstatSync(file)
  t.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, file), true)
  t.equal(isJournal({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, file), false, 'it was redirected')
  t.equal(isJournal({}, file), false)
  t.equal(isJournal({ JOURNAL_STREAM: '1:1' }, 9999), false)
})
