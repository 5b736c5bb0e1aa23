import type { Octets } from '../../base/units.js'
import { LineTimes, SHORTEST } from './line-time-parser.js'

const NEWLINE = 0x0a
/** Of lines that are looked at together. */
const ROOM: Octets = 16 * 1024 * 1024
/** What is read at once. */
const CHUNK: Octets = 1024 * 1024
/**
 * The latest of these wait for what may come before them. The recorder takes what each worker has of
 * 200 ms, one after the other: of two with 25,000 lines a second each, 2 MB.
 */
const HELD: Octets = 4 * 1024 * 1024
/** Lines are sorted by one number each, time and then place: so much of it is for the place. */
const PLACES = 2 ** Math.ceil(Math.log2(ROOM / SHORTEST))
/** Milliseconds that the rest has room for, before and after the first line: 99 days. */
const SPAN = (Number.MAX_SAFE_INTEGER + 1) / PLACES / 2

/** Who is given lines, one after the other. */
export interface TakesLines {
  /** From now on they come in another order than that of the file. */
  move(): void
  /** Some of them; the octets are written over once it returns. */
  take(octets: Buffer, start: Octets, end: Octets): void
}

/** Lines, and where each of them is. */
class Page {
  readonly octets = Buffer.allocUnsafeSlow(ROOM)
  readonly starts = new Int32Array(PLACES)
  readonly ends = new Int32Array(PLACES)
}

/**
 * Reads a file's lines, counts them, and gives them in the order of time, those of one time in the order
 * of the file. That takes 0.2 µs a line, and 0.15 µs more with a copy; DuckDB takes 0.75 µs to sort its row.
 *
 * It does so for lines of the recorder, of which one comes too late by no more than `HELD`, as they do where
 * there are several workers. At anything else it gives up, and counts only.
 */
export class LineWindow {
  /** With something in them. */
  lines = 0
  longest: Octets = 0
  /** False: it has given up. */
  isKept = true
  private page = new Page()
  private other: Page | undefined
  /** Where what was read ends, and where its last line begins, which has not ended yet. */
  private end: Octets = 0
  private begun: Octets = 0
  /** Octets of that line that are not there any more. */
  private before: Octets = 0
  /** How many lines are there, and what they are sorted by. */
  private count = 0
  private readonly keys = new Float64Array(PLACES)
  private readonly times = new LineTimes()
  /** Those here are from then on. */
  private origin: number | undefined
  private latest = 0
  /** The time of the last line that was given. */
  private given = 0
  /** Whether those that are there are out of order. */
  private isMixed = false

  /** Where to read into. */
  get room(): Buffer {
    return this.page.octets.subarray(this.end, this.end + CHUNK)
  }

  /** So much has been read; what has to make room for more is given. Throws what `to` does. */
  add(read: Octets, to: TakesLines): void {
    const from = this.end
    this.end += read
    const octets = this.page.octets.subarray(0, this.end)
    for (let at = octets.indexOf(NEWLINE, from); at >= 0; at = octets.indexOf(NEWLINE, at + 1)) {
      this.ends(at)
      if (this.isKept) this.place(octets, at)
      this.begun = at + 1
    }
    if (this.end > ROOM - CHUNK) this.makeRoom(to)
  }

  /** The file has ended: the rest is given. Throws what `to` does. */
  finish(to: TakesLines): void {
    // The recorder ends each line that it begins.
    if (this.before + this.end - this.begun > 0) {
      this.ends(this.end)
      this.isKept = false
    }
    if (this.isKept) this.give(this.count, to)
  }

  /** From now on lines are counted only. */
  giveUp(): void {
    this.isKept = false
    this.before += this.end - this.begun
    this.end = this.begun = 0
  }

  private ends(end: Octets): void {
    const length = this.before + end - this.begun
    if (length > 0) this.lines++
    this.longest = Math.max(this.longest, length)
    this.before = 0
  }

  private place(octets: Buffer, end: Octets): void {
    const length = end - this.begun
    const time = length < SHORTEST || length > HELD ? NaN : this.times.of(octets, this.begun)
    this.origin ??= time - SPAN
    const since = time - this.origin
    this.isKept &&= since >= this.given && since < 2 * SPAN
    if (!this.isKept) return
    if (since < this.latest) this.isMixed = true
    else this.latest = since
    const place = this.count++
    this.keys[place] = since * PLACES + place
    this.page.starts[place] = this.begun
    this.page.ends[place] = end + 1
  }

  private makeRoom(to: TakesLines): void {
    if (this.isKept) {
      const given = this.count - this.held()
      this.give(given, to)
      this.turn(given)
    }
    if (!this.isKept || this.end > ROOM - CHUNK) this.giveUp()
  }

  /** Sorts what is there. @returns how many of the last are to wait */
  private held(): number {
    this.sort()
    const { starts, ends } = this.page
    let [held, octets] = [0, 0]
    while (octets < HELD && held < this.count) {
      const place = this.keys[this.count - ++held]! % PLACES
      octets += ends[place]! - starts[place]!
    }
    return held
  }

  private sort(): void {
    if (this.isMixed) this.keys.subarray(0, this.count).sort()
  }

  /** Gives the first of those that are there. */
  private give(count: number, to: TakesLines): void {
    this.sort()
    if (this.isMixed) to.move()
    const { octets, starts, ends } = this.page
    // Lines that are one after the other are given at once.
    let [start, end] = [0, 0]
    for (let i = 0; i < count; i++) {
      const place = this.keys[i]! % PLACES
      if (starts[place] !== end) {
        if (end > start) to.take(octets, start, end)
        start = starts[place]!
      }
      end = ends[place]!
    }
    if (end > start) to.take(octets, start, end)
    if (count > 0) this.given = timeOf(this.keys[count - 1]!)
  }

  /** Begins a page with what was not given, and the line that has not ended. */
  private turn(given: number): void {
    const [from, to] = [this.page, this.other ?? new Page()]
    let [count, at] = [0, 0]
    for (let i = given; i < this.count; i++, count++) {
      const key = this.keys[i]!
      const place = key % PLACES
      to.starts[count] = at
      at += from.octets.copy(to.octets, at, from.starts[place], from.ends[place])
      to.ends[count] = at
      this.keys[count] = timeOf(key) * PLACES + count
    }
    const rest = from.octets.copy(to.octets, at, this.begun, this.end)
    ;[this.page, this.other] = [to, from]
    ;[this.count, this.begun, this.end] = [count, at, at + rest]
    this.isMixed = false
  }
}

function timeOf(key: number): number {
  return Math.floor(key / PLACES)
}
