import { EventEmitter } from 'node:events'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../src/base/time/clock.js'
import type { Octets } from '../../../src/base/units.js'
import type { Destination } from '../../../src/lookups/files/destination.js'

/** A temporary folder, removed after the test. */
export function folder(t: { teardown(run: () => void): void }) {
  const path = mkdtempSync(join(tmpdir(), 'interdict-log-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    file: join(path, 'queries.jsonl'),
    names: () => readdirSync(path).sort(),
    read: (name = 'queries.jsonl') => readFileSync(join(path, name), 'utf8')
  }
}

/** A clock that the test advances and sets. */
export interface FakeClock extends Clock {
  pass(milliseconds: number): void
  set(wall: number): void
}

export function fakeClock(wall: number): FakeClock {
  let passed = 0
  let start = wall
  return {
    now: () => passed,
    wall: () => start + passed,
    pass: milliseconds => (passed += milliseconds),
    set: wall => (start = wall - passed)
  }
}

/** A disk that can fill up: its destinations behave like pino's. */
export class FakeDisk {
  room = Infinity
  opens = true
  isDeleted = false
  isMoved = false
  opened = 0
  text = ''
  constructor(readonly most = Infinity) {}

  readonly open = (): Destination => {
    this.mayOpen()
    return new FakeDestination(this)
  }

  mayOpen(): void {
    if (!this.opens) throw new Error('EACCES: permission denied, open')
    this.opened++
  }

  /** Writes what there is space for. */
  take(octets: Buffer): Octets {
    const fits = octets.subarray(0, this.room)
    this.room -= fits.length
    this.text += fits.toString()
    return fits.length
  }
}

class FakeDestination extends EventEmitter implements Destination {
  /** By reference, as pino's: a block that is written over shows. */
  #waiting: Buffer[] = []

  constructor(readonly disk: FakeDisk) {
    super()
  }

  write(octets: Uint8Array): void {
    const waits = this.#waiting.reduce((sum, { length }) => sum + length, 0)
    if (waits + octets.length > this.disk.most) {
      this.emit('drop', octets)
      return
    }
    this.#waiting.push(Buffer.from(octets.buffer, octets.byteOffset, octets.length))
    this.#flush()
  }

  reopen(): void {
    this.disk.mayOpen()
    this.disk.isDeleted = false
    this.disk.isMoved = false
    this.#flush()
  }

  isDeleted(): boolean {
    return this.disk.isDeleted
  }

  isInPlace(): boolean {
    return !this.disk.isMoved
  }

  flushSync(): void {
    if (this.#waiting.length > 0) throw new Error('would never return')
  }

  destroy(): void {
    this.emit('close')
  }

  #flush(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const taken = this.disk.take(first)
      if (taken > 0) this.emit('write', taken)
      if (taken < first.length) {
        this.#waiting[0] = first.subarray(taken)
        this.emit('error', new Error('ENOSPC: no space left on device, write'))
        return
      }
      this.#waiting.shift()
    }
  }
}

/** Appends like a program that was stopped in the middle of a line. */
export function append(path: string, text: string): void {
  const file = openSync(path, 'a')
  writeSync(file, text)
  closeSync(file)
}
