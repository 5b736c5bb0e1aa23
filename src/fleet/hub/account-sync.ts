import type { InterdictError } from '../../base/errors/error.js'
import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { isAccountKey } from '../channel/nkey.js'
import { isRevokedJwt, type Authority } from './authority.js'
import type { HubNats } from './hub-nats.js'
import type { StateStore } from './hub-state.js'

/** Requests to the servers at a time. */
const AT_ONCE = 16
/** How long the reply to an enrolment may take: revoking its token cuts the connection. */
const REPLY_TIME: Milliseconds = 5_000

export interface AccountSyncOptions {
  readonly authority: Pick<Authority, 'enrolmentKey' | 'enrolmentJwt' | 'gatewayJwt' | 'revokedJwt'>
  readonly store: StateStore
  readonly nats: Pick<HubNats, 'pushAccount' | 'accounts' | 'accountJwt' | 'isConnected'>
  readonly clock: Clock
  readonly log: ServiceLog
  /** NATS knows that a gateway is revoked, and the state did not. */
  readonly onRevoked: (gateway: string) => void
}

/** Gives the NATS servers the JWTs of accounts, until they have them all. */
export class AccountSync {
  /** Accounts whose JWT the servers may not have. */
  private readonly waiting = new Set<string>()
  private flushing: Promise<void> | undefined
  /** When revoked tokens are pushed. */
  private tokensDue: Milliseconds | undefined

  constructor(private readonly options: AccountSyncOptions) {}

  /** Whether the servers still have to get a JWT. */
  get isPending(): boolean {
    return this.waiting.size > 0
  }

  /** @throws InterdictError HUB_NATS; it is retried */
  async push(account: string): Promise<void> {
    this.waiting.add(account)
    await this.pushOnce(account)
  }

  /** Gives the servers the revoked tokens once their last reply has arrived. */
  pushTokens(): void {
    this.tokensDue ??= this.options.clock.now() + REPLY_TIME
  }

  /** Each second. @throws InterdictError HUB_NATS */
  async check(): Promise<void> {
    const { clock, authority, nats } = this.options
    if (this.tokensDue !== undefined && clock.now() >= this.tokensDue) {
      this.tokensDue = undefined
      this.waiting.add(authority.enrolmentKey)
    }
    if (this.isPending && nats.isConnected) await this.flush()
  }

  /** Pushes what waits. Resolves when the servers have it. @throws InterdictError HUB_NATS */
  flush(): Promise<void> {
    this.flushing ??= this.pushWaiting().finally(() => {
      this.flushing = undefined
    })
    return this.flushing
  }

  /**
   * Compares the accounts at the servers with the state. They may have been restored from a copy, and so may the state: what
   * either of them knows to be revoked stays revoked.
   *
   * @throws InterdictError HUB_NATS
   */
  async reconcile(): Promise<void> {
    const { store, authority, nats } = this.options
    const current = Object.entries(store.state.gateways).flatMap(([name, { account, revoked }]) =>
      account === null || revoked !== null ? [] : [{ name, account }]
    )
    const { anywhere, everywhere } = await nats.accounts()
    const known = current.filter(({ account }) => anywhere.has(account))
    await inParallel(known, async ({ name, account }) => {
      if (isRevokedJwt(await nats.accountJwt(account))) this.adoptRevocation(name)
    })
    for (const { account } of current) if (!everywhere.has(account)) this.waiting.add(account)
    const revoked = Object.keys(store.state.revocations)
    for (const key of revoked) this.waiting.add(isAccountKey(key) ? key : authority.enrolmentKey)
    await this.flush()
  }

  private adoptRevocation(name: string): void {
    const { store, log, clock, onRevoked } = this.options
    const now = clock.wall()
    const gateway = store.state.gateways[name]!
    store.update({
      gateways: {
        ...store.state.gateways,
        [name]: { ...gateway, revoked: new Date(now).toISOString() }
      },
      revocations: {
        ...store.state.revocations,
        [gateway.account!]: Math.floor(now / MS_PER_SECOND)
      },
      events: store.event('NATS', `gateway ${name} revoked`)
    })
    log.warn({ gateway: name }, 'gateway is revoked at NATS, and stays revoked')
    onRevoked(name)
  }

  private async pushWaiting(): Promise<void> {
    while (this.waiting.size > 0) await inParallel([...this.waiting], one => this.pushOnce(one))
  }

  private async pushOnce(account: string): Promise<void> {
    const { waiting, options } = this
    // Before the JWT is made: what changes meanwhile is pushed again.
    waiting.delete(account)
    try {
      const jwt = await this.jwtOf(account)
      if (jwt !== undefined) await options.nats.pushAccount(jwt)
    } catch (error) {
      waiting.add(account)
      throw error as InterdictError
    }
  }

  /** Undefined: no gateway has the account. */
  private jwtOf(account: string): Promise<string> | undefined {
    const { authority, store } = this.options
    const { revocations, gateways } = store.state
    if (account === authority.enrolmentKey) {
      const users = Object.entries(revocations).filter(([key]) => !isAccountKey(key))
      return authority.enrolmentJwt(Object.fromEntries(users))
    }
    const revoked = revocations[account]
    if (revoked !== undefined) return authority.revokedJwt(account, revoked)
    const found = Object.entries(gateways).find(([, one]) => one.account === account)
    return found && authority.gatewayJwt(found[0], found[1].ring, account)
  }
}

async function inParallel<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const rest = [...all]
  const run = async (): Promise<void> => {
    for (let one = rest.pop(); one !== undefined; one = rest.pop()) await act(one)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}
