import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Teardown {
  teardown(run: () => unknown): void
}

/** A temporary folder with the settings and rules of one gateway; removed at teardown. */
export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'interdict-test-'))

  constructor(t: Teardown, files: Readonly<Record<string, string>>) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
    for (const [name, text] of Object.entries(files)) this.write(name, text)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Writes in place: the file is truncated first. */
  write(name: string, text: string | Uint8Array): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), text)
  }

  /** Deletes whatever is at the path, then writes. */
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

  /** The query log records written so far. */
  records(file = 'queries.jsonl'): Record<string, unknown>[] {
    if (!existsSync(this.path(file))) return []
    const lines = this.read(file).split('\n')
    return lines.slice(0, -1).map(line => JSON.parse(line) as Record<string, unknown>)
  }
}

/** Rules with a loopback network in which some names are banned, one per line from line 6 on. */
export const banning = (...names: readonly string[]): string => `networks:
  all:
    prefixes: [127.0.0.0/8, ::1/128]
    bans:
      - { id: test-ban, authority: Nobody, reference: none, names:
          [${names.join(',\n           ')}] }
`

const TIMEOUT = 120_000

/** Polls a condition, every 5 ms at first, later every 50 ms; fails after two minutes. */
export async function eventually(
  description: string,
  condition: () => boolean | Promise<boolean>
): Promise<void> {
  let step = 5
  for (let waited = 0; waited < TIMEOUT; waited += step) {
    if (await condition()) return
    step = Math.min(50, step * 1.2)
    await sleep(step)
  }
  throw new Error(`timed out waiting for: ${description}`)
}
