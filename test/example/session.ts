import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { freePort } from '../../bench/kit/ports.js'
import { combinedOutput, interdict, PROGRAM } from '../cli/run.js'

/** Width of the terminal that the pages show. */
const COLUMNS = 80
/** Ports in guides: free ones take their places, so that tests disturb no gateway. */
const PORTS = ['5300', '8053', '8853']

/** A word, or one in quotes in which the shell would replace nothing. */
const WORD = /[\w./:=,@%+-]+|"([^"$`\\]*)"|'([^']*)'/g
/** A command of such words, which may print its exit code. */
const PLAIN = new RegExp(
  `^interdict(?<words>( +(${WORD.source}))+)(?<exitCode>; echo "exit code \\$\\?")?$`
)
/** These run until the page ends: the reader opens a second terminal. */
const SERVE = ['interdict serve', 'npm start']
const HISTORY = 'interdict rules history'
const PSEUDONYM = 'interdict pseudonym '
const DIG = resolve('dist/test/example/dig.js')

/** A folder in which the commands of one page run, and the gateway that they started. */
export class Session {
  private readonly ports = new Map<string, string>()
  private gateway: { readonly child: ChildProcess; log: string } | undefined
  private isChanged = false

  private constructor(readonly folder: string) {}

  static async start(folder: string): Promise<Session> {
    const session = new Session(folder)
    for (const port of PORTS) session.ports.set(port, String(await freePort()))
    return session
  }

  async end(): Promise<void> {
    const { child } = this.gateway ?? {}
    if (child?.exitCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }

  /** A YAML block is the file that its first line names. */
  write(text: string): void {
    const name = /^# (\S+)\n/.exec(text)![1]!
    const isBeside = name === 'interdict.yaml' || name.startsWith('mandates/')
    const path = join(this.folder, isBeside ? '' : 'rules', name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, this.withFreePorts(text))
    this.isChanged = true
  }

  /** The output of a command: of `interdict` in this process, of anything else by the shell. */
  async run(command: string): Promise<string> {
    if (SERVE.includes(command)) return this.serve()
    if (this.gateway !== undefined && this.isChanged) await this.rulesInForce()
    if (this.gateway !== undefined && command === HISTORY) await this.historyWritten()
    if (this.gateway !== undefined && command.startsWith(PSEUDONYM)) await this.keyWritten()
    const { words, exitCode } = PLAIN.exec(command)?.groups ?? {}
    const output =
      words === undefined ? await this.runInShell(command) : await this.runHere(words, exitCode)
    this.isChanged ||= words === undefined
    const settings = join(this.folder, 'interdict.yaml')
    if (existsSync(settings)) {
      writeFileSync(settings, this.withFreePorts(readFileSync(settings, 'utf8')))
    }
    return [...this.ports].reduce((text, [port, free]) => text.replaceAll(free, port), output)
  }

  private withFreePorts(text: string): string {
    return [...this.ports].reduce(
      (text, [port, free]) => text.replace(new RegExp(`(:|-p )${port}\\b`, 'g'), `$1${free}`),
      text
    )
  }

  private async runHere(words: string, exitCode: string | undefined): Promise<string> {
    const plain = Array.from(
      this.withFreePorts(words).matchAll(WORD),
      ([word, double, single]) => double ?? single ?? word
    )
    const { code, out } = await this.inFolder(() => combinedOutput(COLUMNS, ...plain))
    return exitCode === undefined ? out : `${out}exit code ${code}\n`
  }

  private async inFolder<Result>(work: () => Promise<Result>): Promise<Result> {
    const home = process.cwd()
    process.chdir(this.folder)
    try {
      return await work()
    } finally {
      process.chdir(home)
    }
  }

  /** The output of a shell command in which `interdict` is the bundled program, and `dig` the stand-in. */
  private runInShell(command: string): Promise<string> {
    const node = `"${process.execPath}"`
    const program = `interdict() { ${node} "${resolve(PROGRAM)}" "$@"; }; dig() { ${node} "${DIG}" "$@"; }`
    return new Promise(done => {
      // Without tap's hooks, which take longer to load than most commands run.
      const script = `${program}; ${this.withFreePorts(command)}`
      const words = ['-u', 'NODE_OPTIONS', 'sh', '-c', `{ ${script}\n} 2>&1`]
      execFile('env', words, { cwd: this.folder, timeout: 600_000 }, (_error, out) => done(out))
    })
  }

  /** Starts the gateway in the background, and waits until it is ready. */
  private async serve(): Promise<string> {
    this.setListen()
    // Without tap's hooks, which every thread would load.
    const env = { ...process.env, NODE_OPTIONS: undefined }
    const child = spawn(process.execPath, [resolve(PROGRAM), 'serve'], {
      ...{ cwd: this.folder, env, stdio: ['ignore', 'ignore', 'pipe'] }
    })
    const gateway = { child, log: '' }
    this.gateway = gateway
    child.stderr.setEncoding('utf8').on('data', (text: string) => (gateway.log += text))
    await this.until('the gateway is ready', async () => {
      return (
        (await this.inFolder(() => interdict('ping', '--ready', '--timeout', '500'))).code === 0
      )
    })
    this.isChanged = false
    return ''
  }

  /** Takes the place of the default addresses. The line comes last, so that no other one moves. */
  private setListen(): void {
    const path = join(this.folder, 'interdict.yaml')
    const settings = existsSync(path) ? readFileSync(path, 'utf8') : ''
    if (/^listen:/m.test(settings)) return
    writeFileSync(path, `${settings}listen: ['127.0.0.1:${this.ports.get('5300')!}']\n`)
  }

  /** Waits until the gateway has the rules of the folder, unless they are invalid. */
  private async rulesInForce(): Promise<void> {
    this.isChanged = false
    const { out } = await this.inFolder(() => interdict('check'))
    const [, sha256] = /^SHA-256 (\w+)/m.exec(out) ?? []
    if (sha256 === undefined) return
    await this.until('the rules are in force', async () => {
      const { out } = await this.inFolder(() => interdict('status', '--json'))
      return out.includes(sha256)
    })
  }

  /** What comes in force is recorded soon after. */
  private historyWritten(): Promise<void> {
    return this.until('the history is written', async () => {
      const [status, history] = await this.inFolder(async () => [
        await interdict('status', '--json'),
        await interdict('rules', 'history', '--json', '--limit', '1')
      ])
      const { entries } = JSON.parse(history.out) as { entries: { sha256: string }[] }
      return entries.length > 0 && status.out.includes(entries[0]!.sha256)
    })
  }

  /** The first lookup that is recorded needs a key. */
  private keyWritten(): Promise<void> {
    const keys = join(this.folder, 'keys')
    const isKey = (file: string): boolean => file.endsWith('.key')
    return this.until('a key is written', () =>
      Promise.resolve(existsSync(keys) && readdirSync(keys).some(isKey))
    )
  }

  private async until(what: string, isDone: () => Promise<boolean>): Promise<void> {
    for (let attempt = 0; attempt < 300; attempt++) {
      if (await isDone()) return
      if (this.gateway!.child.exitCode !== null) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    throw new Error(`never: ${what}\n${this.gateway!.log}`)
  }
}
