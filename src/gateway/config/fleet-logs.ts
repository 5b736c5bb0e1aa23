import { resolve } from 'node:path'
import * as z from 'zod'
import { size } from '../../policy/yaml/quantity.js'
import { isLoopback } from './alerts-schema.js'
import type { FleetLogsConfig } from './fleet-config.js'

/** A bucket (S3 User Guide, "Bucket naming rules") and a prefix. */
const S3 =
  /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/((?:[A-Za-z0-9._-]+\/)*[A-Za-z0-9._-]+))?\/?$/

/** Logs are personal data: in clear only to this machine. */
const isService = (text: string): boolean => {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

/** `fleet.logs`; undefined: closed files stay at the gateway. */
export const fleetLogsSchema = z
  .strictObject({
    to: z.string().refine(text => text !== '' && (!text.startsWith('s3:') || S3.test(text)), {
      message: 'nats, s3://bucket/prefix, or a folder'
    }),
    rate: size('16KB', '1GB').prefault('1MB'),
    'keep-until-confirmed': z.boolean().prefault(false),
    live: z.boolean().prefault(false),
    endpoint: z
      .string()
      .refine(text => text === '' || isService(text), 'https:// and a host, or http:// to loopback')
      .prefault(''),
    region: z.string().prefault('us-east-1'),
    credentials: z.string('a path').prefault('')
  })
  .superRefine(({ to, endpoint, credentials }, context) => {
    if (!S3.test(to)) return
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (endpoint === '') refuse('endpoint', 'the URL of the S3 service')
    if (credentials === '') refuse('credentials', 'a file with the access key')
  })
  .optional()

/** @param folder that paths are relative to @param caFile of the fleet */
export function fleetLogsOf(
  settings: z.output<typeof fleetLogsSchema>,
  folder: string,
  caFile: string | undefined
): FleetLogsConfig | undefined {
  if (settings === undefined) return undefined
  const { to, rate, live, endpoint, region, credentials } = settings
  const [, bucket, prefix] = S3.exec(to) ?? []
  const file = resolve(folder, credentials)
  const s3 =
    bucket === undefined
      ? undefined
      : {
          ...{ endpoint, region, bucket, credentials: file, caFile },
          prefix: prefix === undefined ? '' : `${prefix}/`
        }
  return {
    to: to === 'nats' || s3 !== undefined ? to : resolve(folder, to),
    ...{ s3, rate, live, keepUntilConfirmed: settings['keep-until-confirmed'] }
  }
}
