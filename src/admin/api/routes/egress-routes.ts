import { createHash } from 'node:crypto'
import * as z from 'zod'
import { failure } from '../../../base/errors/error.js'
import { signOctets } from '../../../base/files/ed25519.js'
import type { Milliseconds } from '../../../base/units.js'
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
    .describe(
      'Only of this network; `list` needs it, or `client`. The clients to whom most is denied count for `list`'
    ),
  client: z
    .union([z.ipv4(), z.ipv6()])
    .optional()
    .describe('Only what is denied to this client, which may have an exception'),
  ports: z
    .enum(['all', 'dns'])
    .prefault('all')
    .describe('With `list`: denied on all ports, or on the ports of DNS alone (resolvers)')
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
      'What networks with `egress: deny` deny now; nothing, if there are none. The header `interdict-signature` has an Ed25519 signature of the body by `egress.export-key`, in base64; `interdict-serial` a number that grows with each change.',
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
      const { format, network, client } = query
      if (format === 'list' && (network ?? client) === undefined)
        throw new InvalidInput([
          { path: 'network', problem: 'network or client is needed with format=list' }
        ])
      const result = await services.control<FetchResult>({ do: 'denied', network, client })
      if ('notReady' in result)
        throw new RetryLater(failure('EGRESS_EXPORT', result.notReady), WAIT)
      const { denied } = result
      if (denied === undefined) throw failure('API_NOT_FOUND', `network ${network}`)
      const body = Buffer.from(textOf(denied, query))
      const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
      response.setHeader('etag', etag)
      response.setHeader('interdict-serial', String(denied.serial))
      if (isUnchanged(request, etag)) return response.writeHead(304).end()
      response.setHeader('interdict-signature', signOctets(body, key).signature)
      response.setHeader('content-length', body.length)
      return response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(body)
    }
  })
]

/** @throws InterdictError EGRESS_EXPORT if there are too many */
function textOf(denied: DeniedExport, { format, ...query }: Query): string {
  if (format === 'nft') return nftText(denied)
  if (format === 'ipset') return ipsetText(denied)
  return listText(denied, fullest(denied.sets), query)
}

/** The clients of a network to whom most is denied: those with exceptions are denied less. */
function fullest(sets: readonly DeniedSet[]): DeniedSet | undefined {
  const count = ({ all, dns }: DeniedSet): number => all.length + dns.length
  return sets.toSorted((a, b) => count(b) - count(a))[0]
}
