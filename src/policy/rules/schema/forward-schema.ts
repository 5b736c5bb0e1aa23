import * as z from 'zod'
import { domainText, upstreamServer } from '../../yaml/upstream-servers.js'

/** Keys that name files of one machine. Rules are the same on many, so they pin keys instead. */
const FILES = { ca: 'ca', client: 'client-certificate' } as const

const forwarder = upstreamServer.superRefine(({ tls }, context) => {
  for (const [field, key] of Object.entries(FILES)) {
    if (tls?.[field as keyof typeof FILES] === undefined) continue
    const message = 'no files in rules; use pin-sha256, or a name that a public authority certifies'
    context.addIssue({ code: 'custom', path: [key], message })
  }
})

const forwarders = z.array(forwarder).min(1)
const byDomain = z
  .record(domainText, forwarders)
  .refine(domains => Object.keys(domains).length > 0, 'at least one domain')

/** The resolvers of a network: for all names, or by domain, as `upstreams.forward` of the settings. */
export const forwardSchema = z.union([forwarders.transform(all => ({ '.': all })), byDomain])
