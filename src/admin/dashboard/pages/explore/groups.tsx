import type { LookupGroups } from '../../../web/api/types/explore-responses.js'
import { GROUPS, moved, periodOf, withGroup, type Group } from '../../../web/explore-query.js'
import type { Filters } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { clientsLabel } from '../../clients-label.js'
import { Card, Load, Tabs } from '../../components.js'
import { EmptyLog } from '../../empty.js'
import { LazyChart } from '../../lazy-chart.js'
import { format, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { Tile } from '../../tile.js'
import { useApi } from '../../use-api.js'

export interface GroupsProps {
  readonly filters: Filters
  /** The filters with absolute times. */
  readonly period: Filters & { readonly since: string; readonly until: string }
  readonly by: Group
  readonly go: (filters: Filters, more?: Readonly<Record<string, string>>) => void
}

/** Lines that a chart shows beside the sum of all lookups. */
const LINES = ['monitored', 'allowed', 'stale', 'blocked'] as const
const MOVES = [
  ['earlier', '«'],
  ['closer', '+'],
  ['wider', '−'],
  ['later', '»']
] as const

/** The text of a group. */
export const shownKey = (by: string, key: string): string =>
  by === 'verdict' ? word('verdict', key) : key

export function Groups({ filters, period, by, go }: GroupsProps) {
  const found = useApi<LookupGroups>('/lookups/groups', { ...period, by })
  return (
    <Load from={found}>
      {data =>
        data.all.lookups === 0 ? (
          <EmptyLog filters={filters} />
        ) : (
          <>
            <Totals data={data} period={period} />
            <Card
              title={t('explore.time')}
              aside={
                <span class="row">
                  <span class="note">{t('explore.drag')}</span>
                  <Moves filters={filters} period={period} go={go} />
                </span>
              }
            >
              <TimeChart
                data={data}
                by={by}
                onSelect={(from, to) => go({ ...filters, ...periodOf(from, to) })}
              />
              <details>
                <summary>{t('asTable')}</summary>
                <TimeTable data={data} period={period} />
              </details>
            </Card>
            <Card
              title={t('explore.groups')}
              aside={
                <Tabs
                  label={t('explore.by')}
                  value={by}
                  options={GROUPS.map(one => [one, t(`filter.${one}`)] as const)}
                  onChange={next => go(filters, { by: next })}
                />
              }
            >
              <GroupTable data={data} by={by} filters={filters} period={period} />
            </Card>
          </>
        )
      }
    </Load>
  )
}

function Totals({
  data: { all, privacy },
  period
}: Pick<GroupsProps, 'period'> & { readonly data: LookupGroups }) {
  const { value: f } = format
  const log = (verdict: string): string => urlOf('log', { ...period, verdict })
  return (
    <div class="tiles" style={{ '--count': 5 }}>
      <Tile
        label={t('explore.lookups')}
        href={urlOf('log', { ...period })}
        note={f.duration((Date.parse(period.until) - Date.parse(period.since)) / 1000)}
      >
        {f.compact(all.lookups)}
      </Tile>
      <Tile
        label={t('tile.blocked')}
        href={log('blocked')}
        note={f.share(all.blocked / all.lookups)}
      >
        {f.compact(all.blocked)}
      </Tile>
      <Tile
        label={clientsLabel(privacy)}
        note={privacy.map(one => t(`privacy.${one as 'prefix'}`)).join(', ')}
      >
        {f.compact(all.clients)}
      </Tile>
      <Tile label={t('explore.names')}>{f.compact(all.names)}</Tile>
      <Tile
        label={t('explore.last')}
        note={all.first === null ? '' : t('explore.first', { time: f.dateTime(all.first) })}
      >
        <small>{all.last === null ? '–' : f.dateTime(all.last)}</small>
      </Tile>
    </div>
  )
}

function Moves({ filters, period, go }: Pick<GroupsProps, 'filters' | 'period' | 'go'>) {
  return (
    <span class="tabs" role="group" aria-label={t('log.period')}>
      {MOVES.map(([how, sign]) => (
        <button
          key={how}
          type="button"
          aria-label={t(`explore.${how}`)}
          title={t(`explore.${how}`)}
          onClick={() => go({ ...filters, ...moved(period, how) })}
        >
          {sign}
        </button>
      ))}
    </span>
  )
}

const timesOf = ({ start, width, all }: LookupGroups): number[] =>
  all.counts.map((_, i) => Date.parse(start) + i * width * 1000)

function TimeChart({
  data,
  by,
  onSelect
}: {
  readonly data: LookupGroups
  readonly by: Group
  readonly onSelect: (from: number, to: number) => void
}) {
  const { all, groups } = data
  const times = timesOf(data).map(at => at / 1000)
  // A chart of one point shows nothing.
  if (times.length < 2) return <p class="faint">{t('bypass.noTrend')}</p>
  return (
    <div class="brush">
      <LazyChart
        label={t('explore.time')}
        times={times}
        height={240}
        onSelect={onSelect}
        show={value => (value === null ? '–' : format.value.compact(value))}
        series={[
          { label: t('log.all'), tone: 'answered', values: all.counts, isArea: true },
          ...groups.slice(0, LINES.length).map(({ key, counts }, i) => ({
            label: shownKey(by, key),
            tone: LINES[i]!,
            values: counts
          }))
        ]}
      />
    </div>
  )
}

/** The buckets of the chart, each with its lookups: the latest first. */
function TimeTable({
  data,
  period,
  id = 'times'
}: Pick<GroupsProps, 'period'> & { readonly data: LookupGroups; readonly id?: string }) {
  const { all, width } = data
  const rows = timesOf(data)
    .map((at, i) => ({ at, lookups: all.counts[i]!, blocked: all.blockedCounts[i]! }))
    .filter(({ lookups }) => lookups > 0)
    .reverse()
  return (
    <Table
      id={id}
      label={t('explore.time')}
      rows={rows}
      columns={[
        {
          title: t('time'),
          cell: ({ at }) => (
            <a href={urlOf('log', { ...period, ...periodOf(at, at + width * 1000) })}>
              {format.value.dateTime(at)}
            </a>
          )
        },
        {
          title: t('explore.lookups'),
          kind: 'n',
          cell: ({ lookups }) => format.value.count(lookups)
        },
        { title: t('tile.blocked'), kind: 'n', cell: ({ blocked }) => format.value.count(blocked) }
      ]}
    />
  )
}

function GroupTable({
  data,
  by,
  filters,
  period
}: Omit<GroupsProps, 'go'> & { readonly data: LookupGroups }) {
  const { value: f } = format
  const most = Math.max(...data.groups.map(({ lookups }) => lookups), 1)
  return (
    <>
      <Table
        id="groups"
        label={t('explore.groups')}
        none={t('explore.noGroups', { by: t(`filter.${by}`) })}
        rows={data.groups}
        rowId={({ key }) => key}
        columns={[
          {
            title: t(`filter.${by}`),
            kind: 'break',
            cell: ({ key }) => (
              <a href={urlOf('explore', { ...withGroup(filters, by, key) })}>{shownKey(by, key)}</a>
            )
          },
          {
            title: t('explore.lookups'),
            kind: 'n',
            cell: ({ lookups }) => (
              <>
                <span class="share-bar" aria-hidden="true">
                  <i style={{ width: `${(100 * lookups) / most}%` }} />
                </span>
                {f.count(lookups)}
              </>
            )
          },
          { title: t('tile.blocked'), kind: 'n', cell: ({ blocked }) => f.count(blocked) },
          {
            title: clientsLabel(data.privacy),
            kind: 'n',
            cell: ({ clients }) => f.count(clients)
          },
          { title: t('explore.firstSeen'), kind: 'date', cell: ({ first }) => timeOf(first) },
          { title: t('explore.last'), kind: 'date', cell: ({ last }) => timeOf(last) },
          {
            title: t('page.log'),
            isUntitled: true,
            kind: 'end',
            cell: ({ key }) => (
              <a
                class="button small"
                aria-label={`${t('page.log')}, ${shownKey(by, key)}`}
                href={urlOf('log', { ...withGroup(period, by, key) })}
              >
                {t('page.log')}
              </a>
            )
          }
        ]}
      />
      {data.without > 0 && data.groups.length > 0 && (
        <p class="note">{t('explore.without', { n: data.without })}</p>
      )}
    </>
  )
}

export const timeOf = (at: string | null): string => (at === null ? '–' : format.value.dateTime(at))
