import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Teardown {
  teardown(run: () => unknown): void
}

/** A folder with settings and rules for one Interdict, gone when the test is over. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'interdict-test-'))

  constructor(t: Teardown, files: Readonly<Record<string, string>>) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** In place: the file is truncated and written. */
  write(name: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), text)
  }

  /** As `write`, whatever is there now. */
  replace(name: string, text: string): void {
    rmSync(this.path(name), { force: true })
    this.write(name, text)
  }

  has(name: string): boolean {
    return existsSync(this.path(name))
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  octets(name: string): Uint8Array {
    return readFileSync(this.path(name))
  }

  /** Lines of the query log, as far as it is written. */
  records(): Record<string, unknown>[] {
    if (!existsSync(this.path('queries.jsonl'))) return []
    const lines = this.read('queries.jsonl').split('\n')
    return lines.slice(0, -1).map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

/** A network of loopback in which some names are banned, one line each from line 6 on. */
export const banning = (...names: readonly string[]): string => `networks:
  all:
    prefixes: [127.0.0.0/8, ::1/128]
    bans:
      - { id: test-ban, authority: Nobody, reference: none, names:
          [${names.join(',\n           ')}] }
`

const STEP = 10
const MOST = 30_000

/** Looks again every 10 ms until it is so; fails after half a minute, which no machine needs. */
export async function eventually(
  what: string,
  met: () => boolean | Promise<boolean>
): Promise<void> {
  for (let waited = 0; waited < MOST; waited += STEP) {
    if (await met()) return
    await sleep(STEP)
  }
  throw new Error(`it never came about: ${what}`)
}
