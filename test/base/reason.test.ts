import { mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { reasonOf } from '../../src/base/errors/reason.js'

const errorOf = (what: () => unknown): unknown => {
  try {
    return what()
  } catch (error) {
    return error
  }
}

t.test('says in plain words why the system refuses a file', t => {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-reason-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'within'))
  for (const name of ['file', 'within/file']) writeFileSync(join(folder, name), '')
  const missing = join(folder, 'none')
  const cases: readonly [() => unknown, string][] = [
    [() => openSync(missing, 'r'), 'no such file or folder'],
    [() => openSync(join(folder, 'file/x'), 'r'), 'a part of its path is not a folder'],
    [() => writeFileSync(folder, ''), 'it is a folder'],
    [() => writeFileSync(join(folder, 'file'), '', { flag: 'wx' }), 'it exists already'],
    [() => rmdirSync(join(folder, 'within')), 'directory not empty'],
    [() => writeFileSync('/dev/full', 'x'), 'no space left on the disk; free some']
  ]
  for (const [what, text] of cases) t.equal(reasonOf(errorOf(what)), text)
  const error = errorOf(() => openSync(missing, 'r'))
  t.equal(reasonOf(error, missing), 'no such file or folder')
  t.equal(reasonOf(error, folder), `${missing}: no such file or folder`)
  const forbidden = Object.assign(new Error('EACCES: permission denied, open'), { code: 'EACCES' })
  t.equal(reasonOf(forbidden), `permission denied for user id ${process.geteuid!()}`)
  t.end()
})

t.test('names the peer, the host or the program', async t => {
  // A port that was just closed may be another's by now.
  const where = { syscall: 'connect', address: '192.0.2.1', port: 443, code: 'ECONNREFUSED' }
  const refused = Object.assign(new Error('connect ECONNREFUSED 192.0.2.1:443'), where)
  t.equal(reasonOf(refused), 'connection refused (192.0.2.1 port 443)')
  t.equal(
    reasonOf(new AggregateError([refused, new Error('two')], '')),
    `${reasonOf(refused)}; two`
  )
  const unknown = { code: 'ENOTFOUND', hostname: 'none.invalid' }
  t.equal(
    reasonOf(Object.assign(new Error('getaddrinfo ENOTFOUND none.invalid'), unknown)),
    'no address found for this name (none.invalid)'
  )
  const absent = await new Promise(resolve => execFile('/none', resolve))
  t.equal(reasonOf(absent, '/'), '/none: no such file or folder')
})

t.test('keeps the message of other errors', t => {
  t.equal(reasonOf(new Error('it is empty')), 'it is empty')
  t.equal(reasonOf('text'), 'text')
  const wrong = Object.assign(new Error('write EPROTO: wrong version number'), { code: 'EPROTO' })
  t.equal(reasonOf(wrong), wrong.message)
  const ofLibrary = Object.assign(new Error('connect ECONNRESET'), { code: 'ECONNRESET' })
  t.equal(reasonOf(ofLibrary), 'connection reset by peer')
  t.equal(reasonOf(new AggregateError([], 'all failed')), 'all failed')
  t.end()
})
