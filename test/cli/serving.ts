import { spawn } from 'node:child_process'
import type { Test } from 'tap'
import { eventually, type Site } from '../daemon/site.js'
import { PROGRAM } from './run.js'

/**
 * The program as a service manager runs it: its log, and its exit code once it has ended.
 *
 * @param shell what is around it in a shell, `PROGRAM` standing for it
 */
export function serve(t: Test, site: Site, shell = 'exec PROGRAM') {
  // Without tap's hooks, which every thread would load: more files than some tests leave it.
  const program = `env -u NODE_OPTIONS '${process.execPath}' '${process.cwd()}/${PROGRAM}' serve -c '${site.path('interdict.yaml')}'`
  const child = spawn('sh', ['-c', shell.replace('PROGRAM', program)], {
    cwd: site.folder,
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
      throw new Error(`it never said ${what}, but\n${log}`)
    })
  return { child, ended, says, log: (): string => log, code: () => code }
}

/** Waits until it serves; where. */
export async function address({ says, log }: ReturnType<typeof serve>) {
  await says(/dig @127\.0\.0\.1 -p \d+/)
  return { address: '127.0.0.1', port: Number(/-p (\d+)/.exec(log())![1]) }
}
