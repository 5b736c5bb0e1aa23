import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '../../base/errors/reason.js'
import { MAX_SECRET_FILE, readBoundedFile } from '../../base/files/bounded-file.js'
import type { Clock } from '../../base/time/clock.js'
import type { Milliseconds } from '../../base/units.js'
import {
  builtInTrust,
  contextTrusting,
  type TrustContext
} from '../../wire/tls/trusting-context.js'
import { verifyListener, type ListenerProblem } from './served-certificate.js'
import type { TlsTarget } from './tls-targets.js'

/** For one handshake. */
const TIMEOUT: Milliseconds = 2_000
/** As for answers: what fails is tried again so often before it counts, since files and threads are replaced. */
const RETRIES = 2
const RETRY: Milliseconds = 2_000

/** A problem that was confirmed, and since when. */
export type CurrentListenerProblem = ListenerProblem & { readonly since: Milliseconds }

/** What clients that verify certificates find at the TLS listeners. */
export interface ListenerReport {
  /** TLS listeners. */
  readonly listeners: number
  readonly problems: readonly CurrentListenerProblem[]
}

/** Verifies the certificates of all TLS listeners, as a client that trusts few authorities does. */
export class ListenerChecks {
  private current: readonly CurrentListenerProblem[] = []
  private readonly builtIn = builtInTrust()

  constructor(
    private readonly clock: Clock,
    private readonly retry = RETRY
  ) {}

  /** @param caFile certificates of authorities that clients trust, besides the built-in ones; undefined: none */
  async run(targets: readonly TlsTarget[], caFile: string | undefined): Promise<ListenerReport> {
    const context = await this.contextOf(caFile)
    const all = await Promise.all(targets.map(target => this.check(target, context)))
    const now = this.clock.wall()
    this.current = all.flat().map(problem => {
      const known = this.current.find(it => keyOf(it) === keyOf(problem))
      return { ...problem, since: known?.since ?? now }
    })
    return { listeners: targets.length, problems: this.current }
  }

  private async check(
    target: TlsTarget,
    context: TrustContext | Error
  ): Promise<readonly ListenerProblem[]> {
    const trusting = context instanceof Error ? this.builtIn : context
    for (let tries = 0; ; tries++) {
      const problems = await verifyListener(target, trusting, TIMEOUT, this.clock.wall())
      if (problems.length === 0) return []
      if (tries === RETRIES || problems.every(one => this.isKnown(one)))
        return context instanceof Error ? problems.map(one => withReason(one, context)) : problems
      await sleep(this.retry)
    }
  }

  private isKnown(problem: ListenerProblem): boolean {
    return this.current.some(it => keyOf(it) === keyOf(problem))
  }

  /** Read each time, as it may be replaced. */
  private async contextOf(caFile: string | undefined): Promise<TrustContext | Error> {
    if (caFile === undefined) return this.builtIn
    try {
      return contextTrusting((await readBoundedFile(caFile, MAX_SECRET_FILE)).toString('latin1'))
    } catch (error) {
      return new Error(`probe.ca-file is unusable: ${reasonOf(error, caFile)}`)
    }
  }
}

const keyOf = ({ code, listener, name }: ListenerProblem): string => `${code} ${listener} ${name}`

function withReason(one: ListenerProblem, { message }: Error): ListenerProblem {
  const isTrust = one.code === 'CERTIFICATE_UNTRUSTED'
  return isTrust ? { ...one, problem: `${one.problem}; ${message}` } : one
}
