import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Milliseconds } from '../../base/units.js'

/** A witness in the file: `tsa https://tsa.example/`. */
type Times = Readonly<Record<string, Milliseconds>>

/**
 * The file with the time since which each witness without any receipt is configured, so that a restart does not put
 * off that its receipts are missing. It never holds up anything: written in the background.
 */
export class UnconfirmedSince {
  private last: Times
  private writing: Promise<void> = Promise.resolve()

  /** @param onError called when the file cannot be written: the times are known until the gateway stops */
  constructor(
    private readonly path: string,
    private readonly onError: (error: unknown) => void
  ) {
    this.last = read(path)
  }

  /** Undefined: the witness is new. */
  of(witness: string): Milliseconds | undefined {
    return this.last[witness]
  }

  /** Keeps these times, and no others. @returns when they are stored, or have failed to be */
  keep(times: Times): Promise<void> {
    if (!isDeepStrictEqual(times, this.last)) {
      this.last = times
      this.writing = this.writing.then(() => this.write(times)).catch(this.onError)
    }
    return this.writing
  }

  private async write(times: Times): Promise<void> {
    const { path } = this
    const temporary = `${path}.${randomBytes(8).toString('hex')}.half`
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    try {
      await writeFile(temporary, `${JSON.stringify({ v: 1, since: times })}\n`, { mode: 0o600 })
      await rename(temporary, path)
    } finally {
      await rm(temporary, { force: true })
    }
  }
}

function read(path: string): Times {
  try {
    const { since } = JSON.parse(readFileSync(path, 'utf8')) as { since?: Record<string, unknown> }
    const times = Object.entries(since ?? {}).filter(([, at]) => typeof at === 'number')
    return Object.fromEntries(times) as Times
  } catch {
    // Missing or damaged: then every witness is new.
    return {}
  }
}
