import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setEnvironmentData, Worker } from 'node:worker_threads'
import t from 'tap'
import { keepKoffi } from '../../src/base/threads/kept-koffi.js'
import {
  keepOpen,
  KEPT_PROGRAM,
  type KeptFile,
  type KeptProgram
} from '../../src/base/threads/kept-program.js'
import { keepOptional, startFile, startFileAsProcess } from '../../src/base/threads/start-file.js'
import { loadSystem } from '../../src/base/system/linux.js'

const folder = t.testdir({ 'o.js': `exports.text = 'here'` })

/** A file of a program that has been deleted since. */
function kept(text: string): KeptFile {
  const path = join(folder, 'deleted.js')
  writeFileSync(path, text)
  const file = { path: '/nonexistent/package/echo.js', text: keepOpen(path), codeCache: undefined }
  rmSync(path)
  return file
}

t.before(() => {
  const program: KeptProgram = {
    loader: readFileSync('dist/bundle/serve/load.cjs', 'latin1'),
    files: new Map([
      [
        'thread.js',
        kept(`const { parentPort, workerData } = require('node:worker_threads')
        parentPort.postMessage([workerData, __filename, __dirname])`)
      ],
      [
        'named-main.js',
        kept(`require('node:worker_threads').parentPort.postMessage(
          require('node:fs').readFileSync('/proc/thread-self/comm', 'latin1'))`)
      ],
      [
        'process.js',
        kept(
          `process.once('message', sent => process.send([sent, __filename], () => process.exit()))`
        )
      ],
      [
        'loading.js',
        kept(`require('node:worker_threads').parentPort.postMessage(require('./optional.js').text)`)
      ]
    ]),
    optional: new Map([['optional.js', join(folder, 'o.js')]])
  }
  setEnvironmentData(KEPT_PROGRAM, program)
})
t.teardown(() => setEnvironmentData(KEPT_PROGRAM, undefined))

t.test('a thread runs a file that is kept open', async t => {
  const worker = startFile('thread.js', { workerData: 'data', execArgv: [] })
  const path = '/nonexistent/package/echo.js'
  t.strictSame(await once(worker, 'message'), [['data', path, '/nonexistent/package']])
})

const namesThreads = Number(process.versions.node.split('.')[0]) >= 24 && existsSync('/proc')

t.test('a thread has the name of its file', { skip: !namesThreads && 'needs Node 24' }, async t => {
  const worker = startFile('named-main.js', { execArgv: [] }, 3)
  t.strictSame(await once(worker, 'message'), ['named-3\n'])
})

t.test('a process runs such a file, and then gets its own messages', async t => {
  const child = startFileAsProcess('process.js', [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '' }
  })
  child.send('hello')
  const [[sent, path]] = (await once(child, 'message')) as [[string, string]]
  t.strictSame([sent, path], ['hello', '/nonexistent/package/echo.js'])
  await once(child, 'exit')
})

t.test('a thread loads a file that is kept if it is needed', async t => {
  keepOptional('optional.js')
  rmSync(join(folder, 'o.js'))
  keepOptional('optional.js')
  keepOptional('other.js')
  const worker = startFile('loading.js', { execArgv: [] })
  t.strictSame(await once(worker, 'message'), ['here'])
})

t.test('a thread loads the koffi that is kept open', async t => {
  // Loads it; where there is none, the thread says so.
  loadSystem()
  keepKoffi()
  const thread = `
    import('${new URL('../../src/base/threads/kept-koffi.js', import.meta.url).href}')
      .then(async ({ useKeptKoffi }) => {
        useKeptKoffi()
        const { koffiFile, loadSystem } =
          await import('${new URL('../../src/base/system/linux.js', import.meta.url).href}')
        const family = loadSystem().socket(2, 1, 0)
        require('node:worker_threads').parentPort.postMessage([family > 0, koffiFile()])
      })`
  const worker = new Worker(thread, { eval: true, execArgv: [] })
  t.strictSame(await once(worker, 'message'), [[true, undefined]])
})
