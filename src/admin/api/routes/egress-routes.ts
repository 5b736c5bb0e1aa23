import { createHash } from 'node:crypto'
import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { signOctets } from '../../../base/files/ed25519.js'
import type { Milliseconds } from '../../../base/units.js'
import { containsPrefix, readPrefix } from '../../../base/values/address.js'
import type { DeniedExport, DeniedSet } from '../../../gateway/egress/denied-export.js'
import { ipsetText, listText, nftText } from '../../../gateway/egress/export-text.js'
import type { FetchResult } from '../../../gateway/egress/observation-messages.js'
import { trySignKey } from '../../../lookups/chain/sign-key.js'
import { isUnchanged } from '../../http/headers.js'
import { InvalidInput, RetryLater } from '../../http/problem-of.js'
import { defineRoute } from '../route.js'

/** Until addresses are known that are not known yet. */
const WAIT: Milliseconds = 30_000

const query = z.strictObject({
  format: z
    .enum(['nft', 'ipset', 'list'])
    .prefault('nft')
    .describe('For `nft -f`, for `ipset restore`, or an address or prefix a line'),
  network: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Only of this network; `list` needs it, or `client`'),
  client: z
    .union([z.ipv4(), z.ipv6()])
    .optional()
    .describe('With `list`: what is denied to this client, which may have an exception'),
  ports: z
    .enum(['all', 'dns'])
    .prefault('all')
    .describe('With `list`: denied on all ports, or on those of DNS (resolvers)')
})
type Query = z.output<typeof query>

export const egressRoutes = [
  defineRoute({
    method: 'GET',
    path: '/egress/denied',
    id: 'getDeniedAddresses',
    tag: 'operations',
    summary: 'Denied addresses, for a firewall elsewhere',
    description:
      'What networks with `egress: deny` deny now. The header `interdict-signature` has an Ed25519 signature of the body by `egress.export-key`, in base64; `interdict-serial` a number that grows with each change.',
    scope: 'egress',
    isFrequent: true,
    query,
    produces: 'text/plain',
    errors: { API_NOT_FOUND: 404, EGRESS_EXPORT: 503 },
    handler: async ({ query }, { services, request, response }) => {
      const { exportKey } = services.config.egress
      if (exportKey === undefined)
        throw failure('API_NOT_FOUND', 'export of denied addresses: egress.export-key is not set')
      const key = trySignKey(exportKey)
      if (typeof key === 'string') throw failure('EGRESS_EXPORT', `egress.export-key: ${key}`)
      const result = await services.control<FetchResult>({ do: 'denied' })
      if ('notReady' in result)
        throw new RetryLater(failure('EGRESS_EXPORT', result.notReady), WAIT)
      const body = Buffer.from(textOf(result.denied, query))
      const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
      response.setHeader('etag', etag)
      response.setHeader('interdict-serial', String(result.denied.serial))
      if (isUnchanged(request, etag)) return response.writeHead(304).end()
      response.setHeader('interdict-signature', signOctets(body, key).signature)
      response.setHeader('content-length', body.length)
      return response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
    }
  })
]

/** @throws InterdictError API_NOT_FOUND, EGRESS_EXPORT; InvalidInput */
function textOf(denied: DeniedExport, { format, network, client, ports }: Query): string {
  const sets = denied.sets.filter(set => network === undefined || set.network === network)
  if (sets.length === 0)
    throw failure(
      'API_NOT_FOUND',
      `network ${network === undefined ? '' : `${network} `}with egress: deny`
    )
  if (format === 'nft') return nftText({ ...denied, sets })
  if (format === 'ipset') return ipsetText({ ...denied, sets })
  if (network === undefined && client === undefined)
    throw new InvalidInput([
      { path: 'network', problem: 'network or client is needed with format=list' }
    ])
  const own = client === undefined ? mostClients(sets) : setOf(sets, client)
  if (own === undefined)
    throw failure('API_NOT_FOUND', `client ${client} in a network with egress: deny`)
  return listText(denied, own, ports)
}

function setOf(sets: readonly DeniedSet[], client: string): DeniedSet | undefined {
  const address = readPrefix(client)
  return sets.find(({ clients }) => clients.some(one => containsPrefix(readPrefix(one), address)))
}

/** Clients with exceptions are few. */
function mostClients(sets: readonly DeniedSet[]): DeniedSet {
  const count = ({ clients }: DeniedSet): number =>
    clients.reduce((sum, one) => sum + 2 ** (128 - readPrefix(one).length), 0)
  return [...sets].sort((a, b) => count(b) - count(a))[0]!
}
