import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { askUdp } from '../daemon/dns-client.js'
import { banning, eventually, Site } from '../daemon/site.js'
import { interdict, PROGRAM } from './run.js'
import { listenAddress, startServer } from './server-process.js'

const NETWORKS = 'rules/networks.yaml'
const settings = ({ queries = 'queries.jsonl', service = '-' } = {}) => `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [], use-resolv-conf: false }
log: { queries: { file: ${queries}, flush: 10ms }, service: { file: '${service}' } }
`
const files = (text: string) => ({
  'interdict.yaml': text,
  [NETWORKS]: banning('banned.example')
})
const BANNED = { rcode: 'NXDOMAIN', ede: 15 }
const onLinux = { skip: process.platform === 'linux' ? false : 'this is not Linux' }

const isBanned = (at: Endpoint, name: string): Promise<void> =>
  eventually(`${name} is banned`, async () => (await askUdp(at, name)).rcode === 'NXDOMAIN')

/** Servers start and stop slowly on a busy machine; the limit of a file run by itself would be 30 s. */
t.setTimeout(Number(process.env.TAP_TIMEOUT ?? 180) * 1000)

/** Makes a pipe that is open and never read. Returns a function that fills it, so that the next write blocks. */
function pipeOf(t: Test, site: Site): () => void {
  execFileSync('mkfifo', [site.path('pipe')])
  const pipe = openSync(site.path('pipe'), constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(pipe))
  return () => {
    // Single octets at last: a pipe takes up to 4 KiB as a whole or not at all (PIPE_BUF).
    for (const size of [4096, 1]) {
      try {
        for (;;) writeSync(pipe, '\n'.repeat(size))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      }
    }
  }
}

/** Whether a thread of the process waits in the kernel to write to a pipe (proc_pid_wchan(5)). */
function waitsForPipe(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).some(task => {
    try {
      return readFileSync(`${tasks}/${task}/wchan`, 'utf8').includes('pipe')
    } catch {
      return false // The thread has just ended.
    }
  })
}

for (const { it, isStoppedTwice } of [
  { it: 'after a while', isStoppedTwice: false },
  { it: 'at the second signal', isStoppedTwice: true }
]) {
  t.test(`a query log pipe that hangs: it serves, and stops ${it}`, onLinux, async t => {
    const site = new Site(t, files(settings({ queries: 'pipe' })))
    const fill = pipeOf(t, site)
    const server = startServer(t, site)
    const at = await listenAddress(server)
    fill()
    t.match(await askUdp(at, 'banned.example'), BANNED)
    await eventually('the recorder waits for the pipe', () => waitsForPipe(server.child.pid!))
    t.match(await askUdp(at, 'banned.example'), BANNED)
    server.child.kill('SIGTERM')
    await server.says(/stopping/)
    if (isStoppedTwice) server.child.kill('SIGINT')
    t.equal(await server.ended, null, 'as the kernel ends it')
    if (!isStoppedTwice) t.match(server.log(), /query log is blocked/)
  })
}

t.test('the reader of standard error ends: it serves, reloads and stops', async t => {
  const site = new Site(t, files(settings()))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  server.child.stderr.destroy()
  for (const name of ['one.example', 'two.example', 'three.example']) {
    site.write(NETWORKS, banning(name))
    server.child.kill('SIGHUP')
    await isBanned(at, name)
  }
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test('standard error is not read: it serves, reloads and stops', onLinux, async t => {
  const site = new Site(t, files(settings()))
  const server = startServer(t, site)
  const at = await listenAddress(server)
  server.child.stderr.pause()
  // More errors than a pipe holds, several times.
  site.write(NETWORKS, banning(...Array.from({ length: 5000 }, (_, i) => `'wrong ${i}'`)))
  for (let i = 0; i < 10; i++) {
    server.child.kill('SIGHUP')
    t.match(await askUdp(at, 'banned.example'), BANNED)
  }
  site.write(NETWORKS, banning('other.example'))
  await isBanned(at, 'other.example')
  server.child.kill('SIGTERM')
  t.equal(await server.ended, 0)
})

t.test(
  'a result that cannot be written is an error, and a reader that ends is none',
  onLinux,
  async t => {
    const end = async (stdout: number | 'pipe') => {
      const words = [PROGRAM, 'completion', 'bash']
      const child = spawn(process.execPath, words, { stdio: ['ignore', stdout, 'pipe'] })
      child.stdout?.destroy()
      let err = ''
      child.stderr!.on('data', (octets: Buffer) => (err += octets.toString()))
      const [code] = (await once(child, 'close')) as [number]
      return [code, err]
    }
    const full = openSync('/dev/full', 'w')
    t.teardown(() => closeSync(full))
    const why = 'cannot write standard output: no space left on the disk; free some (CLI_OUTPUT)\n'
    t.strictSame(await end(full), [1, why])
    t.strictSame(await end('pipe'), [141, ''])
  }
)

for (const { it, service, why } of [
  { it: 'a pipe without a reader', service: 'pipe', why: /no such device or address/ },
  {
    it: 'a folder that cannot be created',
    service: '/proc/no/such/log',
    why: /no such file or folder/
  },
  { it: 'a folder', service: 'rules', why: /it is a folder/ }
]) {
  t.test(`a service log that is ${it}: one line of error, exit code 1`, onLinux, async t => {
    const site = new Site(t, files(settings({ service })))
    execFileSync('mkfifo', [site.path('pipe')])
    const { code, out, err } = await interdict('serve', '-c', site.path('interdict.yaml'))
    t.strictSame([code, out], [1, ''])
    t.match(err, /^[^\n]+\(CLI_SERVICE_LOG\)\n$/)
    t.match(err, why)
  })
}
