import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { askUdp } from './dns-client.js'
import { kinds, settingsText } from './serve.js'
import { banning, eventually, Site } from './site.js'

const MODULE = fileURLToPath(new URL('./small-memory-gateway.js', import.meta.url))

/** A gateway in a process of its own, with one worker that has 128 MB. */
async function hungry(t: Test, transport: (typeof kinds)[number]) {
  const site = new Site(t, {
    'interdict.yaml': settingsText({ transport }),
    'rules/networks.yaml': banning('banned.example')
  })
  // Not to inherit: what is written to the test's own standard error is no test result.
  const child = spawn(process.execPath, [MODULE, site.path('interdict.yaml')], { stdio: 'pipe' })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  let end: { code: number | null; signal: string | null; complaint: string } | undefined
  child.on('close', (code, signal) => (end = { code, signal, complaint }))
  await eventually('it serves', () => said.includes('"serving"'))
  const at = { address: '127.0.0.1', port: Number(/"port":(\d+)/.exec(said)![1]) }
  const restarts = (): number => said.split('worker restarted').length - 1
  return { child, at, said: () => said, end: () => end, restarts }
}

/** Queries all the time, since a socket that becomes readable is the risk. */
function keepAsking(t: Test, at: Parameters<typeof askUdp>[0]): void {
  const timer = setInterval(() => {
    askUdp(at, 'banned.example', { patience: 500 }).catch(() => undefined)
  }, 5)
  t.teardown(() => clearInterval(timer))
}

for (const transport of kinds) {
  t.test(`${transport}: a gateway with little memory`, async t => {
    const { child, at, said, end, restarts } = await hungry(t, transport)
    keepAsking(t, at)

    await t.test('a worker that leaks memory is restarted before its heap is full', async t => {
      child.stdin.write('leak\n')
      await eventually('an end of it', () => restarts() === 1 || end() !== undefined)
      t.equal(end(), undefined, 'the process goes on')
      t.match(said(), /worker died/)
      t.match(said(), /heap almost full/)
      t.match(await askUdp(at, 'banned.example'), { rcode: 'NXDOMAIN' })
    })

    await t.test('a worker runs out of memory at once: no hang', async t => {
      child.stdin.write('eat\n')
      await eventually('an end of it', () => restarts() === 2 || end() !== undefined)
      const ended = end()
      if (ended !== undefined) t.not(ended.code, 0, 'the process ends with an error')
      else
        t.match(
          await askUdp(at, 'banned.example'),
          { rcode: 'NXDOMAIN' },
          'or everything continues'
        )
    })
  })
}
