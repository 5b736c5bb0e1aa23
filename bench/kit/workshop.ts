import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './ask.js'
import { Blocklist } from './blocklist.js'
import { allowedName } from './names.js'
import { LOAD_CORE } from './place.js'
import { freePort } from './ports.js'
import { start, type Running } from './processes.js'
import { compile, type Programs } from './programs.js'
import { popularBlocked, readPopular, writeQueries, type QueryFiles } from './queries.js'

/** The shortest list that scenarios use: names of the query files are from its part. */
export const SHORT_LIST = 100_000

/** What all scenarios share: a folder, the C programs, query files and the upstream resolver. */
export class Workshop {
  #number = 0
  readonly #lists = new Map<number, Blocklist>()

  private constructor(
    readonly folder: string,
    readonly programs: Programs,
    readonly queries: QueryFiles,
    readonly upstream: number,
    readonly popular: readonly string[],
    readonly upstreamProcess: Running
  ) {}

  static async open(corpus: string | undefined): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'interdict-bench-'))
    // However this program ends: lists of 10M names are nothing to leave behind.
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    return Workshop.#furnish(folder, corpus)
  }

  static async #furnish(folder: string, corpus: string | undefined): Promise<Workshop> {
    const programs = await compile(join(folder, 'programs'))
    const popular = readPopular(corpus)
    await mkdir(join(folder, 'queries'))
    const queries = await writeQueries(join(folder, 'queries'), popular, SHORT_LIST)
    const port = await freePort()
    const output = join(folder, 'upstream.out')
    const command = [programs.upstream, String(port)]
    const running = start(command, { core: LOAD_CORE, folder, output })
    for (let i = 0; i < 100 && !(await ask(port, allowedName(0))); i++) await sleep(20)
    return new Workshop(folder, programs, queries, port, popular, running)
  }

  /** The list with so many generated names, first generation. */
  blocklist(count: number): Blocklist {
    const extra = count === 0 ? [] : popularBlocked(this.popular)
    const list = this.#lists.get(count) ?? new Blocklist(this.folder, count, 1, extra)
    this.#lists.set(count, list)
    return list
  }

  nextNumber(): number {
    return ++this.#number
  }

  async close(): Promise<void> {
    await this.upstreamProcess.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}
