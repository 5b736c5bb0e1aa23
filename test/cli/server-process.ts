import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { Test } from 'tap'
import { eventually, type Site } from '../daemon/site.js'
import { PROGRAM } from './run.js'

interface ServerOptions {
  /** Shell command that starts it, as `PROGRAM`. */
  readonly shell?: string
  /** The packed program; by default that of this work tree. */
  readonly program?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Starts the packed server as a service manager would, with its log and its exit code. */
export function startServer(t: Test, site: Site, options: ServerOptions = {}) {
  const { shell = 'exec PROGRAM', program = resolve(PROGRAM), env } = options
  const command = `'${process.execPath}' '${program}' serve -c '${site.path('interdict.yaml')}'`
  const child = spawn('sh', ['-c', shell.replace('PROGRAM', command)], {
    cwd: site.folder,
    // Without tap's hooks: every thread would load them, with more file descriptors than some tests allow.
    env: { ...process.env, NODE_OPTIONS: undefined, ...env },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text))
  let code: number | null | undefined
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  void ended.then(result => (code = result))
  const says = (what: RegExp): Promise<void> =>
    eventually(`${what}`, () => what.test(log)).catch(() => {
      throw new Error(`the log never matched ${what}:\n${log}`)
    })
  return { child, ended, says, log: (): string => log, code: () => code }
}

/** Waits until the server is listening. @returns its address */
export async function listenAddress({ says, log }: ReturnType<typeof startServer>) {
  await says(/dig @127\.0\.0\.1 -p \d+/)
  return { address: '127.0.0.1', port: Number(/-p (\d+)/.exec(log())![1]) }
}
