import * as z from 'zod'
import { addressWords, readAddress } from '../../../base/values/address.js'
import { MS_PER_SECOND } from '../../../base/units.js'
import { readName } from '../../../wire/dns/name/name.js'
import { readRrtype } from '../../../wire/dns/registry/rrtype.js'
import { readInstant, showInstant } from '../../../base/time/instant.js'
import { explainQuery } from '../../../analysis/views/explain-query.js'
import { fixedClock } from '../../../analysis/views/one-query.js'
import { openOwnForwarder } from '../../../gateway/upstreams/own-forwarder.js'
import { OwnValidator } from '../../../gateway/upstreams/own-validator.js'
import { createRebindingGuard } from '../../../gateway/workers/create-rebinding-guard.js'
import { InvalidInput } from '../../http/problem-of.js'
import { address, flag, instant, name, rrtype } from '../parameters.js'
import { defineRoute } from '../route.js'
import * as schemas from './schema-routes.js'

export const explainRoutes = [
  defineRoute({
    method: 'GET',
    path: '/explain',
    id: 'explain',
    tag: 'rules',
    summary: 'The decision for a query of a client, as "interdict explain --json"',
    description:
      'By the rules in force and the code that serves; for a time in the past, by what was in force then, with what the query log has (`past`). Verdict `unknown`: it is not known. A name that no rule blocks is resolved by the upstreams, unless `upstream` is false.',
    scope: 'read',
    query: z.strictObject({
      client: address.optional().describe('Address of the client; without one, give `device`'),
      device: z.string().optional().describe('Name of a client of the rules'),
      name: name.describe('Query name'),
      type: rrtype.prefault('A').describe('Query type'),
      at: instant.optional().describe('Default: now'),
      upstream: flag.prefault('true').describe('Whether to ask the upstreams')
    }),
    response: schemas.explanation,
    job: true,
    handler: async ({ query }, { services, command }) => {
      const { config } = services
      const { snapshot, rules, mandated: mandates } = await services.rules()
      const { timeZone, sources } = rules
      if (query.client === undefined && query.device === undefined)
        throw new InvalidInput([{ path: 'client', problem: 'required, unless device is given' }])
      const seconds = query.at === undefined ? undefined : readInstant(query.at, timeZone)
      if (seconds !== undefined && seconds * MS_PER_SECOND < Date.now()) {
        const { name, type, client: from, device: client } = query
        const past = { name, type, from, client, at: showInstant(seconds, 'UTC'), upstream: false }
        // Reads the history and the log, which this thread must not wait for.
        return command('explain', past)
      }
      const question = {
        name: readName(query.name),
        qtype: readRrtype(query.type)!,
        client: addressWords(readAddress(query.client ?? '::')),
        device: query.device,
        clock: fixedClock(seconds === undefined ? Date.now() : seconds * MS_PER_SECOND)
      }
      const forwarder = query.upstream ? openOwnForwarder(config, snapshot) : undefined
      const guard = createRebindingGuard(config)
      const validator = new OwnValidator(config, snapshot)
      const parts = { settings: config, snapshot, sources, forwarder, guard, validator, mandates }
      return { ...(await explainQuery(question, parts)), timeZone }
    }
  })
]
