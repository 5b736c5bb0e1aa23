import { writeFileSync } from 'node:fs'
import { arch, availableParallelism, platform } from 'node:os'
import { table } from '../../bench/kit/markdown.js'
import type { Milliseconds, Octets } from '../../src/base/units.js'
import { Curve } from '../fuzz/memory.js'
import type { Checker, Counts } from './checker.js'
import type { Load } from './load.js'
import type { Options } from './options.js'

/**
 * How long memory may settle, in minutes, and a part of all of them at most. With each thread that
 * takes the place of another, the C library begins an arena of memory, up to eight for each core:
 * 60 workers killed, one after the other, brought 128 MB to 180 MB within five and back to 171 MB
 * with the twentieth, where they stayed; with MALLOC_ARENA_MAX=2, to 167 MB, 154 MB and 157 MB.
 */
const SETTLED = 10
const SETTLED_PART = 1 / 3
/** What it may grow by from then to the last minutes. */
const ALLOWED: Octets = 8 * 2 ** 20
const HEAD = [
  'minute',
  'answered',
  'by a ban',
  'SERVFAIL',
  'lost',
  'wrong',
  'p50 ms',
  'p99 ms',
  'RSS MB'
]

/** Gathers the figures of a soak, minute by minute, and says in the end what they are. */
export class Summary {
  killed = 0
  replaced = 0
  outages = 0
  private readonly rows: string[][] = []
  private readonly curve = new Curve()
  private readonly failures: string[] = []
  private readonly notes = new Map<string, number>()
  private readonly reloads: Milliseconds[] = []
  private before: Counts = { answered: 0, banned: 0, failed: 0, lost: 0, wrong: 0 }

  constructor(
    private readonly options: Options,
    private readonly checker: Checker,
    private readonly load: Load
  ) {}

  /** Something that must not be, beside wrong answers. */
  fail(text: string): void {
    this.failures.push(text)
  }

  /** A warning or error of the gateway's log: counted, without what differs each time. */
  note(text: string): void {
    const kind = text.replace(/\s*\{.*/s, '')
    this.notes.set(kind, (this.notes.get(kind) ?? 0) + 1)
  }

  reloaded(took: Milliseconds): void {
    this.reloads.push(took)
  }

  /** Closes a minute. @returns its line of the table */
  minute(minute: number, memory: Octets): string {
    const { before } = this
    const now = { ...this.checker.counts }
    const times = this.load.takeTimes().sort((a, b) => a - b)
    this.before = now
    this.curve.add(minute, memory)
    const row = [
      String(minute),
      String(now.answered - before.answered),
      String(now.banned - before.banned),
      String(now.failed - before.failed),
      String(now.lost - before.lost),
      String(now.wrong - before.wrong),
      quantile(times, 0.5),
      quantile(times, 0.99),
      (memory / 2 ** 20).toFixed(1)
    ]
    this.rows.push(row)
    return HEAD.map((head, i) => `${head} ${row[i]!}`).join('  ')
  }

  /** Prints all of it, and writes it where the options say. @returns whether nothing was wrong */
  tell(): boolean {
    const growth = this.curve.growthAfter(Math.min(SETTLED, this.rows.length * SETTLED_PART))
    if (this.rows.length > 3 && growth > ALLOWED)
      this.fail(`memory grew by ${(growth / 2 ** 20).toFixed(1)} MB`)
    if (this.replaced < this.killed)
      this.fail(`${this.killed} workers were killed, ${this.replaced} replaced`)
    const wrong = this.checker.counts.wrong + this.failures.length
    const page = this.page(wrong)
    process.stdout.write(`\n${page}`)
    if (this.options.out !== undefined) writeFileSync(this.options.out, page)
    return wrong === 0
  }

  private page(wrong: number): string {
    const { minutes, rate, workers, transport, seed } = this.options
    const { answered, banned, failed, lost } = this.checker.counts
    const slowest = Math.max(0, ...this.reloads).toFixed(0)
    const wrongs = [...this.failures, ...this.checker.wrongs].map(text => `- ${text}\n`).join('')
    const notes = [...this.notes].map(([text, times]) => `- ${text}: ${times} times\n`).join('')
    return `# Soak: ${minutes} minutes, ${wrong === 0 ? 'nothing wrong' : `${wrong} wrong`}

Node ${process.version}, ${platform()} ${arch()}, ${availableParallelism()} cores; transport ${transport},
${workers} workers; ${rate} queries a second, seed ${seed}.

${answered} answers checked: ${banned} by a ban, ${failed} SERVFAIL while the upstream was away.
Rules replaced ${this.reloads.length} times, the slowest in ${slowest} ms from writing; longest that a worker
answered by rules after the next were in force: ${this.checker.latest.toFixed(1)} ms. Upstream killed and
started ${this.outages} times. Workers killed: ${this.killed}, replaced: ${this.replaced}; ${lost} queries lost
in all.

${table(HEAD, this.rows)}
${wrongs === '' ? '' : `## Wrong\n\n${wrongs}\n`}${notes === '' ? '' : `## Warnings and errors in the service log\n\n${notes}`}`
  }
}

function quantile(sorted: readonly number[], q: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(2)
}
