import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Report } from '../../web/api/types/log-responses.js'
import type { Listing, Notice } from '../../web/api/types/rule-responses.js'
import type { Status, Trend } from '../../web/api/types/status-responses.js'
import { daysLeft } from '../../web/locale-format.js'
import { urlOf } from '../../web/pages.js'
import { busier, mayLackSteps } from '../../web/first-steps.js'
import { isSevere } from '../../web/severity.js'
import { Alert, Badge, Bars, Card, Failure, Id, Load, Title } from '../components.js'
import { Dates } from '../dates.js'
import { format, isReachable, now, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi, type Resource } from '../use-api.js'
import { Tiles } from './now/tiles.js'
import { TrendCard } from './now/trend-card.js'

/** Days ahead in which ends and reviews are shown. */
const WITHIN = 365
const SOON = 31

export function Now() {
  const status = useApi<Status>('/status', {}, 10)
  const lastHour = useApi<Trend>('/trend', { hours: 1 }, 10)
  const trend = useApi<Trend>('/trend', {}, 60)
  const notices = useApi<Listing<Notice>>('/notices', { within: WITHIN }, 300)
  const known = trend.data && busier(trend.data, lastHour.data)
  return (
    <>
      <Title text={t('page.now')}>
        {isReachable.value && (
          <span class="note">{t('updated', { time: format.value.second(now.value) })}</span>
        )}
      </Title>
      {status.error !== undefined && <Failure error={status.error} />}
      {status.data !== undefined && <Problems status={status.data} />}
      {status.data !== undefined && <ByOrder status={status.data} />}
      {status.data !== undefined && known !== undefined && mayLackSteps(status.data, known) && (
        <LazyFirstSteps status={status.data} trend={known} />
      )}
      <Tiles status={status.data} lastHour={lastHour.data} notices={notices.data?.items} />
      <TrendCard trend={trend} />
      <div class="grid">
        <Ranking by="app" title={t('now.byApp')} />
        <Ranking by="network" title={t('now.byNetwork')} />
        <Deadlines notices={notices} />
      </div>
    </>
  )
}

/** Its code is loaded only where something is missing: most gateways are set up. */
function LazyFirstSteps(props: { readonly status: Status; readonly trend: Trend }) {
  const [Steps, setSteps] = useState<ComponentType<typeof props> | undefined>(undefined)
  useEffect(() => void import('./now/first-steps.js').then(it => setSteps(() => it.default)), [])
  return Steps === undefined ? null : <Steps {...props} />
}

function Problems({ status }: { readonly status: Status }) {
  const { problems, ready } = status.health
  // What was known last may be over: the page says that the gateway does not respond.
  if (problems.length === 0 && !isReachable.value) return null
  // Green would say that something is enforced.
  const isEmpty = status.rules.rules === 0
  if (problems.length === 0)
    return (
      <Alert
        tone={isEmpty ? 'plain' : 'good'}
        title={t(isEmpty ? 'now.nothingOrdered' : 'now.noProblem')}
      >
        <p>
          {!isEmpty && `${t(status.probe === null ? 'now.noProbe' : 'now.probed')} `}
          {t('now.noProblemText', { since: format.value.duration(status.uptimeSeconds) })}
        </p>
      </Alert>
    )
  return (
    <section class="stack" aria-label={t('problems', { n: problems.length })}>
      {!ready && <p>{t('now.notReady')}</p>}
      {problems
        // The banner of the page shows pauses.
        .filter(({ code }) => code !== 'BLOCK_PAUSED')
        .toSorted((a, b) => Number(isSevere(b.code)) - Number(isSevere(a.code)))
        .map(({ code, subject, message }) => {
          const advice = word('todo', code)
          return (
            <Alert
              key={`${code} ${subject ?? ''}`}
              tone={isSevere(code) ? 'bad' : 'warn'}
              title={`${word('problem', code)}${subject === null ? '' : ` · ${subject}`}`}
            >
              {advice !== code && <p>{advice}</p>}
              <p class="note break">
                <span lang="en">{message}</span> <code>{code}</code>
              </p>
            </Alert>
          )
        })}
    </section>
  )
}

/** Most entries that are shown: the page of the bans has all. */
const MOST_BY_ORDER = 8

/** What is not enforced because somebody has ordered it so: it changes no colour. */
function ByOrder({ status }: { readonly status: Status }) {
  const { byOrder, more } = status.enforcement
  if (byOrder.length + more === 0) return null
  const shown = byOrder.slice(0, MOST_BY_ORDER)
  const rest = byOrder.length - shown.length + more
  return (
    <Card
      title={t('order.title', { n: byOrder.length + more })}
      aside={<a href={urlOf('bans', {})}>{t('page.bans')}</a>}
    >
      <Table
        id="by-order"
        label={t('order.title', { n: byOrder.length + more })}
        rows={shown}
        columns={[
          {
            title: t('order.kind'),
            cell: ({ kind }) => <Badge>{word('order', kind)}</Badge>
          },
          { title: t('rule'), kind: 'break', cell: ({ subject }) => <Id text={subject ?? ''} /> },
          { title: t('network'), kind: 'break', cell: ({ networks }) => networks.join(', ') },
          {
            title: t('order.why'),
            kind: 'break',
            cell: ({ by, reason }) => [reason, by].filter(one => one !== null).join(', ') || '–'
          },
          {
            title: t('bans.until'),
            cell: ({ until }) => (until === null ? t('bans.open') : format.value.dateTime(until))
          }
        ]}
      />
      {rest > 0 && <p class="note">{t('order.more', { n: rest })}</p>}
    </Card>
  )
}

function Ranking({ by, title }: { readonly by: 'app' | 'network'; readonly title: string }) {
  const report = useApi<Report>('/reports/overview', { by, since: '24h', top: 8 }, 60)
  return (
    <Card title={title} aside={<span class="note">{t('last24')}</span>}>
      <Load from={report}>
        {({ tables }) => (
          <Bars
            none={t('now.noneBlocked')}
            bars={(tables[by] ?? [])
              .map(row => ({
                label: String(row[by] ?? row.key ?? '–'),
                value: Number(row.blocked ?? row.lookups ?? 0)
              }))
              .filter(({ value }) => value > 0)
              .map(bar => ({
                ...bar,
                href: urlOf('log', { [by]: bar.label, verdict: 'blocked', since: '24h' })
              }))}
          />
        )}
      </Load>
    </Card>
  )
}

function Deadlines({ notices }: { readonly notices: Resource<Listing<Notice>> }) {
  const soon = (items: readonly Notice[]): Notice[] =>
    items.filter(({ at }) => daysLeft(at, now.value) <= SOON).slice(0, 8)
  return (
    <Card
      title={t('now.deadlines')}
      aside={<a href={urlOf('bans', { view: 'calendar' })}>{t('bans.calendar')}</a>}
    >
      <Load from={notices}>
        {({ items }) => (
          <Dates label={t('now.deadlines')} none={t('now.noDeadlines')} events={soon(items)} />
        )}
      </Load>
    </Card>
  )
}
