import type { NatsConnection } from '@nats-io/transport-node'
import type { Milliseconds } from '../../base/units.js'

const TIMEOUT: Milliseconds = 3_000
/** Each server replies; the last one is waited for so long. */
const STALL: Milliseconds = 500
const UPDATE = '$SYS.REQ.CLAIMS.UPDATE'
const LIST = '$SYS.REQ.CLAIMS.LIST'
const PING = '$SYS.REQ.SERVER.PING'
const lookupOf = (account: string): string => `$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`

interface Reply {
  readonly data?: unknown
  readonly error?: { readonly description?: string }
}

/** Gives the JWT of an account to all servers. @param connection to the system account. Throws errors of NATS */
export async function pushAccount(connection: NatsConnection, jwt: string): Promise<void> {
  const reply = await connection.request(UPDATE, jwt, { timeout: TIMEOUT })
  const { error } = reply.json<Reply>()
  if (error !== undefined) throw new Error(error.description ?? 'refused')
}

/** Accounts whose JWT the servers have. */
export interface KnownAccounts {
  /** All servers have it. */
  readonly everywhere: ReadonlySet<string>
  /** A server has it. */
  readonly anywhere: ReadonlySet<string>
}

export async function listAccounts(connection: NatsConnection): Promise<KnownAccounts> {
  const options = { strategy: 'stall', maxWait: TIMEOUT, stall: STALL } as const
  const anywhere = new Set<string>()
  let everywhere: Set<string> | undefined
  for await (const message of await connection.requestMany(LIST, '', options)) {
    const { data } = message.json<Reply>()
    const accounts = Array.isArray(data) ? (data as string[]) : []
    for (const account of accounts) anywhere.add(account)
    everywhere = new Set(accounts.filter(account => everywhere?.has(account) ?? true))
  }
  return { anywhere, everywhere: everywhere ?? new Set() }
}

/** The JWT of an account; empty: no server has it. */
export async function lookUpAccount(connection: NatsConnection, account: string): Promise<string> {
  const { data } = await connection.request(lookupOf(account), '', { timeout: TIMEOUT })
  return Buffer.from(data).toString()
}

/** Names and versions of all servers. */
export async function serverVersions(
  connection: NatsConnection
): Promise<readonly { readonly name: string; readonly version: string }[]> {
  const options = { strategy: 'stall', maxWait: TIMEOUT, stall: STALL } as const
  const servers: { name: string; version: string }[] = []
  for await (const message of await connection.requestMany(PING, '', options)) {
    const { server } = message.json<{ server?: { name?: string; ver?: string } }>()
    servers.push({ name: server?.name ?? '?', version: server?.ver ?? '' })
  }
  return servers
}

/** First versions in which an account cannot write into another by known ways, by minor version of 2. */
const SAFE: ReadonlyMap<number, number> = new Map([
  [10, 27],
  [11, 16],
  [12, 7]
])
const NEWEST = 12

/** True for versions of nats-server with known ways out of an account (GHSA-fhg8-qxh5-7q3w, CVE-2026-33249). */
export function isUnsafe(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number)
  if (major !== 2) return major < 2
  return minor <= NEWEST && patch < (SAFE.get(minor) ?? Infinity)
}
