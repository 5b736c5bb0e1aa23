import type { Microseconds, Seconds } from '../../src/base/units.js'
import { LOAD_CORE, LOOPBACK } from './place.js'
import { run } from './processes.js'
import type { Programs } from './programs.js'

/** Load to be put on a server; see the head of `bench/load/load.c`. */
export interface Load {
  /** Query file. */
  readonly queries: string
  readonly seconds: Seconds
  /** At most so many queries. */
  readonly count?: number
  /** 16 if undefined. */
  readonly sockets?: number
  /** Open loop: queries a second. */
  readonly rate?: number
  readonly tcp?: boolean
  /** A query of a closed loop that has no answer after this time is lost; 0.5 if undefined. */
  readonly timeout?: Seconds
  /** Every query asks for a name never asked before. */
  readonly fresh?: boolean
}

/** What came back. */
export interface Tally {
  readonly seconds: Seconds
  readonly sent: number
  readonly answered: number
  readonly lost: number
  readonly late: number
  readonly truncated: number
  readonly reconnects: number
  /** Answers by RCODE. */
  readonly rcodes: readonly number[]
  readonly latency: Readonly<Record<'p50' | 'p99' | 'p999' | 'max', Microseconds>>
}

/** A query of an open loop that has no answer after this time is lost. */
const OPEN_LOOP_TIMEOUT: Seconds = 2

/** Names of a fresh run never come again in this process. */
let serial = 0
const SERIALS_PER_SECOND = 1_000_000

export async function putLoad(programs: Programs, port: number, load: Load): Promise<Tally> {
  const command = [programs.load, '--port', `${port}`, '--queries', load.queries]
  command.push('--seconds', `${load.seconds}`)
  if (load.count !== undefined) command.push('--count', `${load.count}`)
  if (load.sockets !== undefined) command.push('--sockets', `${load.sockets}`)
  if (load.rate !== undefined) command.push('--rate', `${load.rate}`)
  if (load.rate !== undefined) command.push('--timeout', `${OPEN_LOOP_TIMEOUT}`)
  else if (load.timeout !== undefined) command.push('--timeout', `${load.timeout}`)
  if (load.tcp) command.push('--tcp')
  if (load.fresh) command.push('--fresh', `${serial}`)
  serial += Math.ceil(load.seconds * SERIALS_PER_SECOND)
  const limit = 1000 * (load.seconds + 30)
  const { code, stdout, stderr } = await run(command, { core: LOAD_CORE, limit })
  if (code !== 0) throw new Error(`load ended with ${code}: ${stderr}`)
  const tally = JSON.parse(stdout) as Tally
  // Otherwise the next run would begin with names of this one, which are cached.
  if (load.fresh && tally.sent > load.seconds * SERIALS_PER_SECOND)
    throw new Error(`${tally.sent} queries in ${load.seconds} s: names would repeat`)
  return tally
}

/** The same load by dnsperf, as a second opinion; answers a second, or undefined if it failed. */
export async function putDnsperf(
  port: number,
  load: Load
): Promise<{ rate: number; lost: number } | undefined> {
  const command = ['dnsperf', '-s', LOOPBACK, '-p', `${port}`, '-d', load.queries, '-e']
  command.push('-l', `${load.seconds}`, '-c', '16', '-q', '1000', '-t', '1')
  const { stdout } = await run(command, { core: LOAD_CORE, limit: 1000 * (load.seconds + 30) })
  const rate = /Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]
  const lost = /Queries lost:\s+(\d+)/.exec(stdout)?.[1]
  return rate === undefined ? undefined : { rate: Number(rate), lost: Number(lost) }
}
