import type { Lookup } from '../../../web/api/types/log-responses.js'
import type { List, Listing } from '../../../web/api/types/rule-responses.js'
import type { Status, Trend } from '../../../web/api/types/status-responses.js'
import { firstSteps, type Step, type StepFacts, type StepId } from '../../../web/first-steps.js'
import { urlOf } from '../../../web/pages.js'
import { Badge, Card } from '../../components.js'
import { host, t } from '../../state.js'
import { useApi } from '../../use-api.js'

/** Seconds after which the lists are read again. The log is read once: counters show what comes. */
const EVERY = 10

/** Steps that an earlier day may have done, which only the log shows. */
const OF_LOG: ReadonlySet<StepId> = new Set(['client', 'block'])

const missingOf = (facts: StepFacts): Step[] => firstSteps(facts).filter(({ isDone }) => !isDone)

interface Found {
  readonly items: readonly Lookup[]
}

/** What is missing until the first ban is in force, and how to get there. Nothing once all is done. */
export default function FirstSteps({
  status,
  trend
}: {
  readonly status: Status
  readonly trend: Trend
}) {
  const lists = useApi<Listing<List>>('/lists', { limit: 1000 }, EVERY)
  const known = { status, trend, lists: lists.data?.items }
  const early = missingOf({ ...known, isLogged: false, hasBlocked: false })
  // The log is read only where nothing else is missing: it may be long.
  const isOpen = lists.data !== undefined && early.every(({ id }) => OF_LOG.has(id))
  const path = isOpen ? '/lookups' : undefined
  const logged = useApi<Found>(path, { limit: 1 })
  const blocked = useApi<Found>(path, { limit: 1, verdict: 'blocked' })
  const isKnown = !isOpen || [logged, blocked].every(one => one.data ?? one.error)
  if (lists.data === undefined || !isKnown) return null
  const facts = {
    ...known,
    isLogged: (logged.data?.items.length ?? 0) > 0,
    hasBlocked: (blocked.data?.items.length ?? 0) > 0
  }
  const [steps, missing] = [firstSteps(facts), missingOf(facts)]
  if (missing.length === 0) return null
  return (
    <Card
      title={t('steps.title')}
      aside={<span class="note">{t('steps.left', { n: missing.length, all: steps.length })}</span>}
    >
      <ol class="steps" data-steps={missing.length}>
        {steps.map(step => (
          <li key={step.id} data-step={step.id} data-done={step.isDone}>
            <Badge tone={step.isDone ? 'good' : 'warn'}>
              {t(step.isDone ? 'steps.done' : 'steps.missing')}
            </Badge>
            <div class="stack">
              <b>{t(`step.${step.id}`)}</b>
              <StateOf step={step} />
              {!step.isDone && <Advice id={step.id} status={status} />}
            </div>
          </li>
        ))}
      </ol>
      <p class="note">{t('steps.end')}</p>
    </Card>
  )
}

/** What the gateway reports of a step. */
function StateOf({ step: { id, state, isDone } }: { readonly step: Step }) {
  if (state === '' || (!isDone && state === '0')) return null
  return (
    <span class="note break">
      {t(`step.state.${id}`)} {state}
    </span>
  )
}

/** What to do: a form of the dashboard, or a command. */
function Advice({ id, status }: { readonly id: StepId; readonly status: Status }) {
  return (
    <>
      <p class="note">{t(`step.how.${id}`)}</p>
      {id === 'ban' && (
        <a class="button main" href={urlOf('change', { add: 'ban' })}>
          {t('step.todo.ban')}
        </a>
      )}
      <pre tabIndex={0}>{commandFor(id, status)}</pre>
    </>
  )
}

function commandFor(id: StepId, { listening, settings }: Status): string {
  const plain = listening.find(({ protocol }) => protocol === 'udp') ?? listening[0]
  const address = plain === undefined || isAny(plain.address) ? host.value : plain.address
  const port = plain === undefined || plain.port === 53 ? '' : ` -p ${plain.port}`
  const dig = `dig @${address || 'ADDRESS'}${port}`
  const config = settings === null ? '' : ` -c ${settings.file}`
  const commands: Readonly<Record<StepId, string>> = {
    upstream: `interdict status${config}`,
    client: `${dig} example.com`,
    network: `interdict check${config}`,
    ban: `interdict ban add --help`,
    list: `interdict lists update${config}`,
    log: `interdict status --health${config}`,
    block: `${dig} tiktok.com`
  }
  return commands[id]
}

const isAny = (address: string): boolean => address === '0.0.0.0' || address === '::'
