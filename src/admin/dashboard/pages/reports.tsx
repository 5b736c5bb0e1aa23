import { useState } from 'preact/hooks'
import type { Report } from '../../web/api/types/log-responses.js'
import type { Ban, Listing } from '../../web/api/types/rule-responses.js'
import { urlOf } from '../../web/pages.js'
import { factLabel } from '../../web/translate-report.js'
import { completeSpans } from '../../web/trend-series.js'
import { Card, Facts, Field, Load, Select, Tabs, Title } from '../components.js'
import { LazyChart } from '../lazy-chart.js'
import { Remarks, ReportTable } from '../report-table.js'
import { format, fromReport, host, navigate, now, place, t, word } from '../state.js'
import { StoredReports } from '../stored-reports.js'
import { Tile } from '../tile.js'
import { useApi } from '../use-api.js'

const KINDS = [
  'daily',
  'weekly',
  'monthly',
  'ban',
  'overview',
  'new-names',
  'bypass',
  'dnssec'
] as const
type Kind = (typeof KINDS)[number]
/** For a span before now. */
const BY_SPAN: readonly Kind[] = ['overview', 'new-names', 'bypass', 'dnssec']
const KEYS = [
  'app',
  'ban',
  'network',
  'client',
  'name',
  'hour',
  'day',
  'type',
  'exception'
] as const
const periodsOf = (kind: 'weekly' | 'monthly') =>
  kind === 'weekly'
    ? (['this-week', 'last-week'] as const)
    : (['this-month', 'last-month'] as const)
const SPANS = ['24h', '7d', '30d', '365d'] as const
const DATE = /^\d{4}-\d\d-\d\d$/

export function Page() {
  const stored = place.value.parameters.get('stored')
  return (
    <>
      <Title text={t('page.reports')}>
        <div class="row no-print">
          <Tabs
            label={t('page.reports')}
            value={stored === null ? 'current' : 'stored'}
            options={[
              ['current', t('reports.current')],
              ['stored', t('reports.stored')]
            ]}
            onChange={view =>
              navigate(view === 'current' ? urlOf('reports') : `${urlOf('reports')}?stored=`)
            }
          />
          {stored !== '' && (
            <button type="button" class="button" onClick={() => print()}>
              {t('reports.print')}
            </button>
          )}
        </div>
      </Title>
      {stored === null ? <Current /> : <StoredReports name={stored || null} />}
    </>
  )
}

/** A report made now. */
function Current() {
  const { parameters } = place.value
  const kind = KINDS.find(one => one === parameters.get('kind')) ?? 'daily'
  const id = parameters.get('id') ?? ''
  const by = parameters.get('by') ?? 'app'
  const since = parameters.get('since') ?? '7d'
  const bans = useApi<Listing<Ban>>('/bans', { limit: 1000 })
  const go = (next: Readonly<Record<string, string>>): void =>
    navigate(urlOf('reports', { kind, id, by, since, ...next }))
  const ban = kind === 'ban' ? id || bans.data?.items[0]?.id : undefined
  return (
    <>
      <div class="row ends no-print">
        <Select
          label={t('reports.kind')}
          value={kind}
          options={KINDS.map(one => [one, kindText(one, '…')] as const)}
          onChange={chosen => go({ kind: chosen, id: '' })}
        />
        {kind === 'daily' && <DayField value={id} onChange={day => go({ id: day })} />}
        {(kind === 'weekly' || kind === 'monthly') && (
          <Select
            label={t('log.period')}
            value={id || periodsOf(kind)[1]}
            options={periodsOf(kind).map(one => [one, t(`reports.${one}`)] as const)}
            onChange={period => go({ id: period })}
          />
        )}
        {kind === 'ban' && (
          <Select
            label={t('kind.ban')}
            value={ban ?? ''}
            options={bans.data?.items.map(one => one.id) ?? []}
            onChange={chosen => go({ id: chosen })}
          />
        )}
        {kind === 'overview' && (
          <Select
            label={t('reports.by')}
            value={by}
            options={KEYS.map(one => [one, word('report', one)] as const)}
            onChange={chosen => go({ by: chosen })}
          />
        )}
        {BY_SPAN.includes(kind) && (
          <Select
            label={t('log.period')}
            value={since}
            options={SPANS.map(one => [one, t(`span.${one}`)] as const)}
            onChange={chosen => go({ since: chosen })}
          />
        )}
      </div>
      {(kind !== 'ban' || ban !== undefined) && (
        <Shown kind={kind} id={ban ?? id} by={by} since={since} />
      )}
    </>
  )
}

function DayField({
  value,
  onChange
}: {
  readonly value: string
  readonly onChange: (day: string) => void
}) {
  const [date, setDate] = useState(DATE.test(value) ? value : '')
  return (
    <>
      <Field label={t('reports.day')}>
        <select
          value={DATE.test(value) ? 'date' : value || 'yesterday'}
          onChange={event =>
            event.currentTarget.value !== 'date' && onChange(event.currentTarget.value)
          }
        >
          <option value="today">{t('reports.today')}</option>
          <option value="yesterday">{t('reports.yesterday')}</option>
          <option value="date" disabled={!DATE.test(value)}>
            {t('reports.date')}
          </option>
        </select>
      </Field>
      <Field label={t('reports.date')}>
        <input
          type="date"
          value={date}
          onInput={event => {
            setDate(event.currentTarget.value)
            if (DATE.test(event.currentTarget.value)) onChange(event.currentTarget.value)
          }}
        />
      </Field>
    </>
  )
}

interface Chosen {
  readonly kind: Kind
  readonly id: string
  readonly by: string
  readonly since: string
}

/** The days after a date begin where it ends. */
function queryOf({ kind, id, by, since }: Chosen): Record<string, string | number> {
  switch (kind) {
    case 'daily':
      return DATE.test(id) ? { since: id, until: dayAfter(id) } : { id: id || 'yesterday' }
    case 'weekly':
    case 'monthly':
      return { id: id || periodsOf(kind)[1] }
    case 'ban':
      return { id }
    case 'overview':
      return { by, since, top: 200 }
    case 'new-names':
    case 'bypass':
    case 'dnssec':
      return { since }
  }
}

function dayAfter(date: string): string {
  return new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10)
}

const TIMED = /^(hour|day|week)s?$/

const STEPS: Readonly<Record<string, number>> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000
}

/** Lookups over time, and what of them was blocked. */
function Timeline({
  rows,
  title
}: {
  readonly rows: Report['tables'][string]
  readonly title: string
}) {
  const key = Object.keys(rows[0]!)[0]!
  const timeOf = (row: Report['tables'][string][number]): number => Date.parse(String(row[key]))
  // Of a period that has not ended, the last hour or day would look like a drop.
  const complete = completeSpans(rows.map(timeOf), STEPS[key] ?? 0, -Infinity, now.value)
  const known = rows.filter(row => complete.includes(timeOf(row)))
  const values = (name: string): (number | null)[] =>
    known.map(row => (typeof row[name] === 'number' ? row[name] : null))
  if (known.length < 3) return null
  return (
    <LazyChart
      label={title}
      times={known.map(row => timeOf(row) / 1000)}
      height={200}
      show={value => (value === null ? '–' : format.value.compact(value))}
      series={[
        { label: t('report.lookups'), tone: 'answered', values: values('lookups'), isArea: true },
        { label: t('report.blocked'), tone: 'blocked', values: values('blocked'), isArea: true }
      ]}
    />
  )
}

const kindText = (kind: Kind, by: string): string => t(`reports.${kind}`, { by })

/** Headline figures. */
function Tiles({ tiles }: Pick<Report, 'tiles'>) {
  const shown = Object.entries(tiles)
  if (shown.length === 0) return null
  return (
    <div class="tiles" style={{ '--count': shown.length }}>
      {shown.map(([key, value]) => (
        <Tile key={key} label={word('reportTile', key)}>
          {value === null
            ? '–'
            : key.endsWith('Share')
              ? format.value.share(value)
              : format.value.count(value)}
        </Tile>
      ))}
    </div>
  )
}

function Shown(chosen: Chosen) {
  const { kind, by } = chosen
  const report = useApi<Report>(`/reports/${kind}`, queryOf(chosen))
  const isTitled = !BY_SPAN.includes(kind)
  return (
    <Load from={report}>
      {({ title, tiles, facts, tables, remarks, timeZone }) => {
        const shown = Object.entries(tables).filter(([, rows]) => rows.length > 0)
        const empty = Object.entries(tables).filter(([, rows]) => rows.length === 0)
        return (
          <>
            <Tiles tiles={tiles} />
            <Card title={isTitled ? fromReport(title) : kindText(kind, word('report', by))}>
              <Facts
                isWide
                facts={Object.entries(facts).flatMap(([label, fact]) => {
                  const shown = factLabel(label, t)
                  return shown === undefined ? [] : [[shown, fromReport(fact)] as const]
                })}
              />
              <p class="note">
                {t('reports.made', {
                  at: format.value.dateTime(now.value),
                  host: host.value,
                  zone: timeZone
                })}
              </p>
            </Card>
            {shown.map(([id, rows]) => (
              <Card key={id} title={word('table', id)}>
                {TIMED.test(id) && rows.length > 2 ? (
                  <>
                    <Timeline rows={rows} title={word('table', id)} />
                    <details>
                      <summary>{t('asTable')}</summary>
                      <ReportTable id={id} title={word('table', id)} rows={rows} />
                    </details>
                  </>
                ) : (
                  <ReportTable id={id} title={word('table', id)} rows={rows} />
                )}
              </Card>
            ))}
            {empty.length > 0 && (
              <p class="faint">
                {t('reports.none', { tables: empty.map(([id]) => word('table', id)).join(', ') })}
              </p>
            )}
            <Remarks remarks={remarks} />
          </>
        )
      }}
    </Load>
  )
}
