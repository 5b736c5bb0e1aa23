import { useMemo } from 'preact/hooks'
import type { Notice, Page, Report, Status, Trend } from '../../api/types.js'
import { daysLeft } from '../../format.js'
import { urlOf } from '../../pages.js'
import type { Messages } from '../../translate.js'
import { hoursOf, seriesOf } from '../../trend.js'
import { Alert, Bars, Card, Failure, Id, Load, Title } from '../components.js'
import { LazyChart } from '../lazy-chart.js'
import { format, now, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'

/** Days ahead in which ends and reviews are shown. */
const WITHIN = 365
const SOON = 31

export function Now() {
  const status = useApi<Status>('/status', {}, 10)
  const lastHour = useApi<Trend>('/trend', { hours: 1 }, 10)
  const trend = useApi<Trend>('/trend', {}, 60)
  const notices = useApi<Page<Notice>>('/notices', { within: WITHIN }, 300)
  return (
    <>
      <Title text={t('page.now')}>
        <span class="note">{t('updated', { time: format.value.second(now.value) })}</span>
      </Title>
      {status.error !== undefined && <Failure error={status.error} />}
      {status.data !== undefined && <Problems status={status.data} />}
      <Tiles status={status.data} lastHour={lastHour.data} notices={notices.data?.items} />
      <TrendCard trend={trend} />
      <div class="grid">
        <Ranking by="app" title={t('now.byApp')} />
        <Ranking by="network" title={t('now.byNetwork')} />
        <Deadlines notices={notices.data?.items} />
      </div>
    </>
  )
}

/** Problems of these codes stop the gateway from doing its work. */
const SEVERE = /DOWN|UNWRITABLE|REFUSED|STUCK|STOPPING|SILENT|OUTDATED/

function Problems({ status }: { readonly status: Status }) {
  const { problems, ready } = status.health
  if (problems.length === 0)
    return (
      <Alert tone="good" title={t('now.noProblem')}>
        <p>{t('now.noProblemText', { since: format.value.duration(status.uptimeSeconds) })}</p>
      </Alert>
    )
  return (
    <section class="stack" aria-label={t('problems', { n: problems.length })}>
      {!ready && <p>{t('now.notReady')}</p>}
      {problems.map(({ code, subject, message }) => {
        const advice = word('todo', code)
        return (
          <Alert
            key={`${code} ${subject ?? ''}`}
            tone={SEVERE.test(code) ? 'bad' : 'warn'}
            title={message}
          >
            {advice !== code && <p>{advice}</p>}
            <p class="note">
              <code>{code}</code>
            </p>
          </Alert>
        )
      })}
    </section>
  )
}

function Tiles({
  status,
  lastHour,
  notices
}: {
  readonly status: Status | undefined
  readonly lastHour: Trend | undefined
  readonly notices: readonly Notice[] | undefined
}) {
  const { value: f } = format
  const rates = lastHour?.now
  const upstreams = status?.upstreams ?? []
  const up = upstreams.filter(({ state }) => state !== 'down').length
  const next = notices?.find(({ what }) => what !== 'review due')
  const overdue = notices?.filter(({ what }) => what === 'review due').length ?? 0
  const points = lastHour?.points.flatMap(point => point ?? []) ?? []
  const sum = (of: (point: (typeof points)[number]) => number): number =>
    points.reduce((all, point) => all + of(point), 0)
  const blocked = sum(point => point.blocked)
  const all = blocked + sum(point => point.answered + point.stale + point.failed)
  const hits = sum(point => point.hits)
  const lookups = hits + sum(point => point.misses)
  return (
    <div class="tiles">
      <Tile label={t('tile.queries')} note={t('tile.lastMinute')}>
        {rates === undefined ? '–' : f.compact(rates.queriesPerSecond)}
        <small>/s</small>
      </Tile>
      <Tile
        label={t('tile.blocked')}
        note={t('tile.lastHour', { n: blocked })}
        href={urlOf('log', { verdict: 'blocked', since: '1h' })}
      >
        {f.share(all === 0 ? null : blocked / all)}
      </Tile>
      <Tile label={t('tile.hits')} note={t('tile.hitsNote')}>
        {f.share(lookups === 0 ? null : hits / lookups)}
      </Tile>
      <Tile
        label={t('tile.time')}
        note={t('tile.timeNote', { p99: f.milliseconds(rates?.p99Ms ?? null) })}
      >
        {f.milliseconds(rates?.p50Ms ?? null)}
      </Tile>
      <Tile
        label={t('tile.upstreams')}
        note={
          upstreams.some(({ state }) => state === 'down')
            ? t('tile.upstreamsDown')
            : t('tile.upstreamsUp')
        }
        href={urlOf('system')}
      >
        {status === undefined ? '–' : `${up}/${upstreams.length}`}
      </Tile>
      <Tile
        label={t('tile.rules')}
        note={
          status === undefined
            ? ''
            : t('tile.rulesNote', { bans: status.rules.bans, sha: status.rules.sha256.slice(0, 8) })
        }
        href={urlOf('change')}
      >
        {status === undefined
          ? '–'
          : f.duration(Math.max(1, (now.value - Date.parse(status.rules.since)) / 1000), 1)}
      </Tile>
      <Tile
        label={t('tile.deadline')}
        note={
          overdue > 0
            ? t('tile.overdue', { n: overdue })
            : next === undefined
              ? t('tile.noDeadline')
              : `${next.id}: ${word('notice', next.what)}`
        }
        href={urlOf('bans', { view: 'calendar' })}
      >
        {next === undefined ? '–' : t('days', { n: Math.max(0, daysLeft(next.at, now.value)) })}
      </Tile>
    </div>
  )
}

function Tile({
  label,
  note,
  href,
  children
}: {
  readonly label: string
  readonly note: string
  readonly href?: string
  readonly children: preact.ComponentChildren
}) {
  const content = (
    <>
      <span class="label">{label}</span>
      <span class="figure">{children}</span>
      <span class="note">{note}</span>
    </>
  )
  return href === undefined ? (
    <div class="card tile">{content}</div>
  ) : (
    <a class="card tile" href={href}>
      {content}
    </a>
  )
}

function TrendCard({ trend }: { readonly trend: ReturnType<typeof useApi<Trend>> }) {
  const { data } = trend
  const series = useMemo(
    () => (data === undefined ? undefined : seriesOf(data, Date.now())),
    [data]
  )
  const rate = (value: number | null): string =>
    value === null ? '–' : `${format.value.compact(value)}/s`
  return (
    <Card title={t('now.trend')} aside={<span class="note">{t('now.trendNote')}</span>}>
      <Load from={trend}>
        {data => (
          <>
            {series !== undefined && (
              <>
                <LazyChart
                  label={t('now.trendLabel')}
                  times={series.times}
                  height={240}
                  show={rate}
                  series={[
                    {
                      label: t('answered'),
                      tone: 'answered',
                      values: series.all,
                      shown: series.answered,
                      isArea: true
                    },
                    {
                      label: t('staleOrFailed'),
                      tone: 'stale',
                      values: series.notAnswered,
                      shown: series.stale,
                      isArea: true
                    },
                    {
                      label: t('verdict.blocked'),
                      tone: 'blocked',
                      values: series.blocked,
                      isArea: true
                    }
                  ]}
                />
                <h3>{t('now.times')}</h3>
                <LazyChart
                  label={t('now.timesLabel')}
                  times={series.times}
                  height={130}
                  isLog
                  show={value => format.value.milliseconds(value)}
                  series={[
                    { label: t('now.p99'), tone: 'monitored', values: series.p99 },
                    { label: t('now.p50'), tone: 'allowed', values: series.p50 }
                  ]}
                />
              </>
            )}
            <details>
              <summary>{t('asTable')}</summary>
              <Table
                label={t('now.trend')}
                rows={hoursOf(data)}
                columns={[
                  { title: t('hour'), cell: ({ at }) => format.value.dateTime(at) },
                  ...HOURLY.map(([key, text]) => ({
                    title: t(text),
                    kind: 'n' as const,
                    cell: (hour: ReturnType<typeof hoursOf>[number]) =>
                      format.value.count(hour[key])
                  }))
                ]}
              />
            </details>
          </>
        )}
      </Load>
    </Card>
  )
}

const HOURLY = [
  ['answered', 'answered'],
  ['blocked', 'verdict.blocked'],
  ['stale', 'stale'],
  ['failed', 'failedAnswers']
] as const

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

function Deadlines({ notices }: { readonly notices: readonly Notice[] | undefined }) {
  const soon = (notices ?? []).filter(({ at }) => daysLeft(at, now.value) <= SOON)
  return (
    <Card
      title={t('now.deadlines')}
      aside={<a href={urlOf('bans', { view: 'calendar' })}>{t('bans.calendar')}</a>}
    >
      {notices !== undefined && soon.length === 0 && <p class="faint">{t('now.noDeadlines')}</p>}
      {soon.length > 0 && (
        <table class="deadlines">
          <thead class="hide">
            <tr>
              <th scope="col">{t('date')}</th>
              <th scope="col">{t('rule')}</th>
            </tr>
          </thead>
          <tbody>
            {soon.slice(0, 8).map(({ at, kind, id, what }) => (
              <tr key={`${at} ${id} ${what}`}>
                <td class="date">
                  {format.value.day(at)}
                  <br />
                  <span class="note">{format.value.ago(at, now.value)}</span>
                </td>
                <td class="break">
                  <a href={urlOf('bans', { id })}>
                    <Id text={id} />
                  </a>
                  <br />
                  <span
                    class={`badge ${what === 'ends' ? 'bad' : what === 'starts' ? 'good' : 'warn'}`}
                  >
                    {t(`kind.${kind}`)} · {t(`notice.${what}` as keyof Messages)}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}
