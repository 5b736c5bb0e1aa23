import { execFile, spawn, type ChildProcess } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { PROGRAM } from '../cli/run.js'
import { freePort } from '../udp/free-port.js'

export { freePort }

const run = promisify(execFile)

/** What ends programs and deletes folders when it is over: a test, or a measurement. */
export type Owner = Pick<Test, 'teardown'>

/** A folder that is gone when the test is over. */
export function folder(t: Owner): string {
  const path = mkdtempSync(join(tmpdir(), 'interdict-interop-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** What is in a file so far; nothing if it is not there yet. */
export function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** Asks again every 50 ms until it is so; fails the test after `seconds`. @param what a function is called at the failure */
export async function eventually(
  what: string | (() => string),
  seconds: number,
  met: () => Promise<boolean>
): Promise<void> {
  for (let left = seconds * 20; left > 0; left--) {
    if (await met()) return
    await sleep(50)
  }
  throw new Error(`not within ${seconds} s: ${typeof what === 'string' ? what : what()}`)
}

/** A program under test, its output gathered, ended with the test whatever happens. */
export class Running {
  output = ''
  private readonly child: ChildProcess
  readonly ended: Promise<number | null>

  constructor(t: Owner, command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const gather = (data: Buffer): void => {
      this.output += data.toString()
    }
    this.child.stdout!.on('data', gather)
    this.child.stderr!.on('data', gather)
    this.ended = new Promise(resolve => this.child.on('exit', code => resolve(code)))
    t.teardown(() => this.child.kill('SIGKILL'))
  }

  get pid(): number {
    return this.child.pid!
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  async says(text: string | RegExp, seconds = 10): Promise<void> {
    const found = (): boolean =>
      typeof text === 'string' ? this.output.includes(text) : text.test(this.output)
    await eventually(`${String(text)} in:\n${this.output}`, seconds, () =>
      Promise.resolve(found())
    ).catch(() => {
      throw new Error(`never said ${String(text)}:\n${this.output}`)
    })
  }
}

const NSD_TRIES = 5

/** NSD with the zones of this folder, on loopback. */
export async function startNsd(t: Test, port: number): Promise<Running> {
  const dir = folder(t)
  cpSync('test/interop/zones', dir, { recursive: true })
  const zones = { example: join(dir, 'example.zone'), com: join(dir, 'tiktok.zone') }
  for (let tries = 1; ; tries++) {
    const nsd = serveZones(t, port, dir, zones)
    const answered = answers('NSD', port, 'www.example', '192.0.2.10').then(
      () => true,
      (error: unknown) => {
        throw new Error(`${(error as Error).message}:\n${nsd.output}`)
      }
    )
    if (await Promise.race([answered, nsd.ended.then(() => false)])) return nsd
    answered.catch(() => undefined)
    // A socket of an earlier test may still have its port.
    if (tries === NSD_TRIES) throw new Error(`NSD has ended:\n${nsd.output}`)
    await sleep(1000)
  }
}

/** NSD with any zones, by name, from files in `dir`. */
export function serveZones(
  t: Test,
  port: number,
  dir: string,
  zones: Readonly<Record<string, string>>
): Running {
  const parts = Object.entries(zones).map(
    ([name, file]) => `zone:\n  name: "${name}"\n  zonefile: "${file}"\n`
  )
  writeFileSync(
    join(dir, 'nsd.conf'),
    `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  zonesdir: "${dir}"
  database: ""
  pidfile: "${join(dir, 'nsd.pid')}"
  xfrdfile: "${join(dir, 'xfrd.state')}"
  zonelistfile: "${join(dir, 'zone.list')}"
  xfrdir: "${dir}"
  minimal-responses: yes
remote-control:
  control-enable: no
${parts.join('')}`
  )
  return new Running(t, '/usr/sbin/nsd', ['-d', '-c', join(dir, 'nsd.conf')])
}

/** Waits until the server at this port has an A record for a name. */
export async function answers(
  what: string,
  port: number,
  name: string,
  address: string
): Promise<void> {
  await eventually(`${what} answers`, 20, async () =>
    (await dig(['@127.0.0.1', '-p', String(port), name, '+short'])).includes(address)
  )
}

export interface Site {
  readonly dir: string
  readonly port: number
  write(path: string, text: string): void
}

/** A folder with settings and rules for one Interdict. */
export async function site(t: Test, settings: string, networks: string): Promise<Site> {
  const dir = folder(t)
  const port = await freePort()
  mkdirSync(join(dir, 'rules/apps'), { recursive: true })
  const write = (path: string, text: string): void => writeFileSync(join(dir, path), text)
  write('interdict.yaml', settings.replaceAll('PORT', String(port)))
  write('rules/networks.yaml', networks)
  write('rules/apps/tiktok.yaml', readFileSync('rules/apps/tiktok.yaml', 'utf8'))
  return { dir, port, write }
}

export async function startInterdict(t: Test, { dir, port }: Site): Promise<Running> {
  const server = new Running(t, process.execPath, [
    PROGRAM,
    'serve',
    '-c',
    join(dir, 'interdict.yaml')
  ])
  await server.says(`dig @127.0.0.1 -p ${port}`)
  return server
}

/** What dig prints; never throws for an answer that is none. */
export async function dig(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run('dig', ['+tries=1', '+time=5', ...args])
    return stdout
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

export async function interdict(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [PROGRAM, ...args])
    return { code: 0, text: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, text: stdout + stderr }
  }
}
