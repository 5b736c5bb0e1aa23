import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from '../../base/time/clock.js'
import { failure, type InterdictError } from '../../base/errors/error.js'
import { reasonOf } from '../../base/errors/reason.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../base/units.js'
import { userKey } from '../channel/nkey.js'
import { encodeRoot } from '../../sources/root/root.js'
import { encodeToken } from '../channel/enrol-token.js'
import { enrolSchema, readMessage } from '../channel/wire.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { Authority } from './authority.js'
import type { HubConfig } from './hub-config.js'
import type { StateStore } from './hub-state.js'
import type { Inventory } from './inventory.js'
import type { Roots } from './roots/roots.js'
import { currentRevocations } from './pair/revocations.js'

const MAX_REQUEST = 4096
/** Tokens that wait to be used. */
const MAX_TOKENS = 20_000
/** A gateway that lost the reply asks again, over HTTPS where the hub has it. */
const REPEAT_TIME: Milliseconds = 60_000

export interface EnrolmentOptions {
  readonly config: HubConfig
  readonly authority: Pick<Authority, 'enrolmentCredentials' | 'createGateway'>
  readonly store: StateStore
  readonly inventory: Inventory
  readonly roots: Pick<Roots, 'newest'>
  readonly clock: Clock
  readonly log: ServiceLog
  /** Gives the servers the JWT of the account of a gateway. @throws InterdictError HUB_NATS; it is retried */
  readonly push: (account: string) => Promise<void>
  /** Gives the servers the revoked tokens, a few seconds later. */
  readonly revokeTokens: () => void
}

interface Answered {
  readonly key: string
  readonly reply: Uint8Array
  readonly until: Milliseconds
}

/** Which gateways belong to the fleet: tokens for new ones, credentials, revocation. */
export class Enrolment {
  /** Replies of the last minute by hash of the token's secret. */
  private readonly answered = new Map<string, Answered>()

  constructor(private readonly options: EnrolmentOptions) {
    for (const [name, { key, account, revoked }] of Object.entries(options.store.state.gateways)) {
      if (revoked === null) options.inventory.add(name, key, account)
    }
  }

  /**
   * Makes a token with which one gateway can get its credentials, once.
   *
   * @throws InterdictError HUB_RING, HUB_STATE
   */
  async createToken(
    name: string,
    ring: string,
    lifetime: Milliseconds,
    by: string
  ): Promise<{ readonly token: string; readonly expires: string }> {
    const { config, store, clock, authority, log } = this.options
    if (!config.rings.some(one => one.name === ring)) throw failure('HUB_RING', ring)
    const now = clock.wall()
    const secret = randomBytes(32).toString('base64url')
    const id = `enrol-${randomBytes(8).toString('hex')}`
    const expires = new Date(now + lifetime).toISOString()
    const until = Math.ceil((now + lifetime) / MS_PER_SECOND)
    const { user, text: creds } = await authority.enrolmentCredentials(id, until)
    const { tokens } = store.state
    const current = Object.entries(tokens).filter(([, one]) => Date.parse(one.expires) > now)
    if (current.length >= MAX_TOKENS)
      throw failure('HUB_TOKEN', `${MAX_TOKENS} tokens wait already`)
    store.update({
      tokens: { ...Object.fromEntries(current), [hashOf(secret)]: { name, ring, expires, user } },
      events: store.event(by, `token for gateway ${name} in ring ${ring}, until ${expires}`)
    })
    log.info({ gateway: name, ring, by, expires }, 'enrolment token created')
    return {
      token: encodeToken({
        ...{ id, name, ring, secret, creds, nats: config.nats.servers },
        hub: config.publicUrl ?? null
      }),
      expires
    }
  }

  /** Answers a request for credentials. Never throws. */
  async enrol(octets: Uint8Array): Promise<Uint8Array> {
    const { store, clock, inventory, authority, log } = this.options
    const refuse = (error: string): Uint8Array => {
      log.warn({ code: 'HUB_TOKEN' }, `enrolment refused: ${error}`)
      return Buffer.from(JSON.stringify({ error }))
    }
    const request = readMessage(octets, enrolSchema, MAX_REQUEST)
    if (request === undefined || userKey(request.key) === undefined)
      return refuse('malformed request')
    const { secret, key } = request
    const hash = hashOf(secret)
    const repeated = this.answeredTo(hash, key)
    if (repeated !== undefined) return repeated
    const token = store.state.tokens[hash]
    if (token === undefined) return refuse('the token is unknown, or was used before')
    if (Date.parse(token.expires) <= clock.wall()) return refuse('the token has expired')
    const { name, ring } = token
    try {
      const { account, userJwt: jwt } = await authority.createGateway(name, ring, key)
      // Meanwhile the same token may have been used.
      const { [hash]: unused, ...tokens } = store.state.tokens
      if (unused === undefined) return refuse('the token was used before')
      const enrolled = new Date(clock.wall()).toISOString()
      const { gateways } = store.state
      const replaced = gateways[name]?.account ?? undefined
      store.update({
        tokens,
        gateways: { ...gateways, [name]: { key, account, ring, enrolled, revoked: null } },
        revocations: this.withRevoked(replaced, unused.user),
        events: store.event('hub', `gateway ${name} enrolled in ring ${ring}`)
      })
      inventory.add(name, key, account)
      log.info({ gateway: name, ring }, 'gateway enrolled')
      for (const one of [account, replaced]) if (one !== undefined) await this.pushLater(one)
      this.options.revokeTokens()
      const root = this.options.roots.newest
      const reply = Buffer.from(JSON.stringify({ jwt, ...(root && { root: encodeRoot(root) }) }))
      this.answered.set(hash, { key, reply, until: clock.now() + REPEAT_TIME })
      return reply
    } catch (error) {
      return refuse(reasonOf(error, ''))
    }
  }

  /** The reply to the same request within a minute. */
  private answeredTo(hash: string, key: string): Uint8Array | undefined {
    const now = this.options.clock.now()
    for (const [known, { until }] of this.answered) if (until <= now) this.answered.delete(known)
    const found = this.answered.get(hash)
    return found?.key === key ? found.reply : undefined
  }

  /**
   * Withdraws the credentials of a gateway. It goes on with the rules that it has.
   *
   * @throws InterdictError HUB_GATEWAY, HUB_STATE, HUB_NATS
   */
  async revoke(name: string, by: string): Promise<void> {
    const { store, inventory, clock, log } = this.options
    const gateway = store.state.gateways[name]
    if (gateway === undefined) throw failure('HUB_GATEWAY', name)
    const now = clock.wall()
    const { account } = gateway
    store.update({
      gateways: {
        ...store.state.gateways,
        [name]: { ...gateway, revoked: new Date(now).toISOString() }
      },
      revocations: this.withRevoked(account ?? undefined),
      events: store.event(by, `gateway ${name} revoked`)
    })
    inventory.remove(name)
    log.info({ gateway: name, by }, 'gateway revoked')
    if (account !== null) await this.options.push(account)
  }

  /** Revocations with further keys, without those of tokens that have expired since. */
  private withRevoked(...keys: readonly (string | undefined)[]): Record<string, Seconds> {
    const { store, clock } = this.options
    const now = Math.floor(clock.wall() / MS_PER_SECOND)
    const added = keys.flatMap(key => (key === undefined ? [] : [[key, now] as const]))
    return { ...currentRevocations(store.state.revocations, now), ...Object.fromEntries(added) }
  }

  /** A server that does not take it now gets it later. */
  private async pushLater(account: string): Promise<void> {
    try {
      await this.options.push(account)
    } catch (error) {
      const { code, message } = error as InterdictError
      this.options.log.warn({ code }, `${message}; retrying`)
    }
  }
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')
