import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { reasonOf } from '../../base/errors/reason.js'
import type { Milliseconds } from '../../base/units.js'
import {
  CONNTRACK_ARGUMENTS,
  parseConntrackEvent,
  type ConnectionEvent
} from '../../sources/egress/conntrack-event.js'

/** Between the end of a process and the next one. */
const RESTART: Milliseconds = 2000
/** Of the kernel for events that are not read yet: 16 MB. */
const BUFFER = ['-b', '16777216']
const ACCOUNTING = '/proc/sys/net/netfilter/nf_conntrack_acct'
/** Without it, a start would be reported that fails at once. */
const SETTLE: Milliseconds = 500

export interface ConntrackListener {
  event(event: ConnectionEvent): void
  /** The kernel had more events than were read. */
  overrun(): void
  /** @param error why it does not; null: it does */
  state(isReading: boolean, error: string | null): void
}

/** Follows the events of the kernel's connection tracking by `conntrack -E`, and starts it again when it ends. */
export class ConntrackProcess {
  private child: ChildProcessByStdio<null, Readable, Readable> | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(
    private readonly program: string,
    private readonly listener: ConntrackListener
  ) {}

  start(): void {
    if (this.child !== undefined || this.timer !== undefined) return
    const child = spawn(this.program, [...CONNTRACK_ARGUMENTS, ...BUFFER], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' }
    })
    this.child = child
    let error = 'it ended'
    createInterface({ input: child.stdout }).on('line', line => {
      const event = parseConntrackEvent(line)
      if (event !== undefined && this.child === child) this.listener.event(event)
    })
    createInterface({ input: child.stderr }).on('line', line => {
      if (this.child !== child) return
      if (line.includes('ENOBUFS')) this.listener.overrun()
      else error = line.slice(0, 500)
    })
    const settled = setTimeout(() => {
      if (this.child === child) this.listener.state(true, null)
    }, SETTLE)
    const end = (why: string): void => {
      clearTimeout(settled)
      if (this.child === child) this.restart(why)
    }
    child.on('error', cause => end(reasonOf(cause)))
    child.on('close', () => end(error))
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { child } = this
    this.child = undefined
    child?.kill()
  }

  private restart(error: string): void {
    this.child = undefined
    this.listener.state(false, error)
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.start()
    }, RESTART)
  }
}

/** Whether the kernel counts the octets of connections. */
export function countsOctets(): boolean {
  try {
    return readFileSync(ACCOUNTING, 'utf8').trim() === '1'
  } catch {
    return false
  }
}
