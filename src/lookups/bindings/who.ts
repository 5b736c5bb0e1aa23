import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Milliseconds } from '../../base/units.js'
import { attribute, unknown, type Attribution } from '../../policy/bindings/attribution.js'
import { isOtherDevice, type Binding } from '../../policy/bindings/binding.js'
import { sideFile, sideFileClosedAt, closedSideFiles } from '../files/side-files.js'
import { parseHistoryLine, type HistoryLine } from './history-line.js'

/** A period; it lasts until its last line, or `to` is Infinity. */
interface Period {
  readonly from: Milliseconds
  to: Milliseconds
}

/** The gateway writes a line at least every ten seconds: what it wrote last is as good as now. */
const AS_NOW: Milliseconds = 15_000

/** Which device had an address, and when. */
export interface DatedAttribution {
  readonly at: Milliseconds
  readonly found: Attribution
}

/** Finds which device has an address now: when the gateway last wrote, if it is running. @throws as `whoHad` */
export async function whoHas(
  folder: string,
  address: string,
  skew: Milliseconds,
  now: Milliseconds
): Promise<DatedAttribution> {
  const reader = await readAround(folder, address, now, skew)
  const at = reader.until > now - AS_NOW ? Math.min(reader.until, now) : now
  return { at, found: reader.attributionAt(at, skew) }
}

/**
 * Finds which device had an address, in the history of bindings beside a query log. Throws the system error if a file cannot be
 * read.
 *
 * @param address as `showAddress` writes it
 */
export async function whoHad(
  folder: string,
  address: string,
  at: Milliseconds,
  skew: Milliseconds
): Promise<Attribution> {
  return (await readAround(folder, address, at, skew)).attributionAt(at, skew)
}

async function readAround(
  folder: string,
  address: string,
  at: Milliseconds,
  skew: Milliseconds
): Promise<HistoryReader> {
  const reader = new HistoryReader(address)
  for (const file of filesAround(folder, at, skew)) {
    const lines = createInterface({ input: createReadStream(join(folder, file)) })
    for await (const line of lines) reader.add(line)
  }
  return reader
}

/** The files that say something of the time: those that end after it began, up to the first that ends after the skew. */
function filesAround(folder: string, at: Milliseconds, skew: Milliseconds): readonly string[] {
  const closed = closedSideFiles(folder, 'bindings').map(file => {
    return { file, until: Date.parse(sideFileClosedAt(file)!) }
  })
  const wanted = closed.filter(({ until }) => until >= at - 2 * skew)
  const last = wanted.findIndex(({ until }) => until > at + 2 * skew)
  if (last !== -1) return wanted.slice(0, last + 1).map(({ file }) => file)
  const live = existsSync(join(folder, sideFile('bindings'))) ? [sideFile('bindings')] : []
  return [...wanted.map(({ file }) => file), ...live]
}

/** Reads lines of the history in their order, and keeps what they say of one address. */
export class HistoryReader {
  private readonly bindings: Binding[] = []
  private readonly covered: Period[] = []
  private readonly up = new Map<string, Period[]>()
  private last: Milliseconds = -Infinity
  private readonly mark: string

  constructor(private readonly address: string) {
    this.mark = `"address":${JSON.stringify(address)}`
  }

  /** The time of the last line. */
  get until(): Milliseconds {
    return this.last
  }

  add(text: string): void {
    // Most lines are of other addresses; they say only that the history goes on.
    const isOther = text.includes('"address":') && !text.includes(this.mark)
    const line = isOther ? otherLine(text) : parseHistoryLine(text)
    if (line === undefined) return
    if (line.kind === 'start') this.beginPeriod(line.time)
    else if (this.covered.length === 0) this.beginPeriod(line.time)
    this.last = Math.max(this.last, line.time)
    this.covered.at(-1)!.to = this.last
    this.apply(line)
  }

  attributionAt(at: Milliseconds, skew: Milliseconds): Attribution {
    const period = this.covered.find(({ from, to }) => from <= at - skew && at <= to)
    if (period === undefined) return unknown('no-history')
    const isUp = (source: string): boolean =>
      (this.up.get(source) ?? []).some(({ from, to }) => from <= at - skew && at + skew < to)
    return attribute(this.bindings, { at, skew, knownUntil: period.to, isUp })
  }

  /** What was in force before is not known from here on. */
  private beginPeriod(time: Milliseconds): void {
    for (const periods of this.up.values()) endLast(periods, this.last)
    for (const [i, one] of this.bindings.entries())
      if (one.until > this.last) this.bindings[i] = { ...one, until: this.last }
    this.covered.push({ from: time, to: time })
  }

  private apply(line: HistoryLine): void {
    if (line.kind === 'down') endLast(this.up.get(line.source) ?? [], line.time)
    else if (line.kind === 'up') this.beginUp(line.source, line.time)
    else if (line.kind === 'begin' && line.binding.address === this.address)
      this.begin(line.binding)
    else if (line.kind === 'end' && line.address === this.address) this.end(line.source, line.at)
  }

  private beginUp(source: string, time: Milliseconds): void {
    const periods = this.up.get(source) ?? []
    if (periods.at(-1)?.to !== Infinity) periods.push({ from: time, to: Infinity })
    this.up.set(source, periods)
  }

  /** It lasts until the line that ends it: renewals have no line. */
  private begin(binding: Binding): void {
    const at = this.openOf(binding.source)
    const before = this.bindings[at]
    const whole = { ...binding, until: Infinity }
    if (before === undefined) this.bindings.push(whole)
    else if (isOtherDevice(before, binding)) {
      this.bindings[at] = { ...before, until: binding.from }
      this.bindings.push(whole)
    } else this.bindings[at] = { ...whole, from: Math.min(before.from, binding.from) }
  }

  private end(source: string, until: Milliseconds): void {
    const at = this.openOf(source)
    if (at !== -1) this.bindings[at] = { ...this.bindings[at]!, until }
  }

  private openOf(source: string): number {
    return this.bindings.findIndex(one => one.source === source && one.until === Infinity)
  }
}

function endLast(periods: Period[], time: Milliseconds): void {
  const last = periods.at(-1)
  if (last !== undefined && last.to > time) last.to = time
}

const TIME = /"time":"([^"]{24})"/

/** Stands for a line of another address. */
function otherLine(text: string): HistoryLine | undefined {
  const time = Date.parse(TIME.exec(text)?.[1] ?? '')
  return Number.isNaN(time) ? undefined : { kind: 'alive', time }
}
