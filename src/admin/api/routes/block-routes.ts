import * as z from 'zod'
import { epochSeconds, systemClock } from '../../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds, type Seconds } from '../../../base/units.js'
import type { Block, NetworkRules } from '../../../policy/rules/model/types.js'
import type { Pause } from '../../../policy/tables/snapshot.js'
import { sourceId } from '../../../analysis/enforcement/coverage.js'
import { ruleState } from '../../../analysis/enforcement/rule-state.js'
import { pageOf, pageSchema, paging } from '../parameters.js'
import { defineRoute } from '../route.js'
import * as schemas from './schema-routes.js'

const MS_PER_MINUTE: Milliseconds = 60 * MS_PER_SECOND

export const blockRoutes = [
  defineRoute({
    method: 'GET',
    path: '/blocks',
    id: 'listBlocks',
    tag: 'rules',
    summary: 'Block rules, which operators may pause, with their pauses',
    scope: 'read',
    query: z.strictObject(paging),
    response: pageSchema(schemas.block).extend({
      maxPauseMinutes: z.number().describe('The longest pause: admin.max-pause')
    }),
    handler: async ({ query }, { services }) => {
      const { rules, snapshot } = await services.rules()
      const now = epochSeconds(systemClock)
      const pauses = new Map(snapshot.origin.pauses.map(pause => [pause.rule, pause]))
      const blocks = blocksOf(rules.networks).map(found => blockView(found, pauses, now))
      const maxPauseMinutes = services.config.admin.maxPause / MS_PER_MINUTE
      return { ...pageOf(snapshot.generation, blocks, query), maxPauseMinutes }
    }
  })
]

interface FoundBlock {
  readonly rule: Block
  readonly networks: string[]
}

/** In the order of the networks; a rule that several have, once. */
function blocksOf(networks: readonly NetworkRules[]): FoundBlock[] {
  const found = new Map<Block, FoundBlock>()
  for (const { id, rules } of networks) {
    for (const rule of rules.filter(one => one.kind === 'block')) {
      const known = found.get(rule)
      if (known === undefined) found.set(rule, { rule, networks: [id] })
      else known.networks.push(id)
    }
  }
  return [...found.values()]
}

function blockView(
  { rule, networks }: FoundBlock,
  pauses: ReadonlyMap<string, Pause>,
  now: Seconds
): z.input<typeof schemas.block> {
  const found = pauses.get(rule.id)
  const pause = found !== undefined && found.until > now ? found : undefined
  const { position, sources, mode, reply } = rule
  return {
    id: rule.id,
    rule: `${position.file}:${position.line}`,
    state: ruleState(rule, now),
    networks,
    sources: sources.flatMap(source => {
      const { kind, title } = source
      return kind === 'logged' || kind === 'record' ? [] : [{ kind, id: sourceId(source), title }]
    }),
    mode,
    action: reply.action,
    pausedUntil: pause ? new Date(pause.until * MS_PER_SECOND).toISOString() : null,
    pausedBy: pause?.by ?? null,
    pauseReason: pause?.reason ?? null
  }
}
