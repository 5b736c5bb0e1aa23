import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Seconds } from '../../src/base/units.js'
import { LOAD_CORE } from './place.js'
import { END_WITH_PARENT } from './processes.js'

/** Connections with TLS, with exactly one query in flight on each while they run: `bench/load/tls.c`. */
export class TlsLoad {
  private readonly lines: AsyncIterator<string>

  private constructor(private readonly child: ChildProcess) {
    this.lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  /** Opens the connections. @param program from `compileTlsLoad` @param queries file with a name and a type per line */
  static async open(
    program: string,
    port: number,
    queries: string,
    connections: number
  ): Promise<TlsLoad> {
    const command = [program, `${port}`, queries, `${connections}`]
    const [first, ...words] = [...END_WITH_PARENT, 'taskset', '-c', `${LOAD_CORE}`, ...command]
    const load = new TlsLoad(spawn(first, words, { stdio: ['pipe', 'pipe', 'inherit'] }))
    await load.next()
    return load
  }

  /** @returns answers */
  async run(seconds: Seconds): Promise<number> {
    this.child.stdin!.write(`${seconds}\n`)
    return Number(await this.next())
  }

  async close(): Promise<void> {
    this.child.stdin!.end()
    if (this.child.exitCode === null) await once(this.child, 'exit')
  }

  private async next(): Promise<string> {
    const line = await this.lines.next()
    if (line.done === true) throw new Error('the load over TLS has ended')
    return line.value
  }
}
