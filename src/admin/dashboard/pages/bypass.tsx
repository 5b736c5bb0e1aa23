import type { Report } from '../../web/api/types/log-responses.js'
import { urlOf } from '../../web/pages.js'
import { Bars, Card, Load, Select, Title } from '../components.js'
import { LazyChart } from '../lazy-chart.js'
import { Remarks, ReportTable } from '../report-table.js'
import { readSpan } from '../../web/span.js'
import { completeSpans } from '../../web/trend-series.js'
import { format, navigate, place, t, word } from '../state.js'
import { useApi } from '../use-api.js'

const SPANS = ['24h', '7d', '30d'] as const

export function Page() {
  const { parameters } = place.value
  const since = parameters.get('since') ?? '7d'
  const report = useApi<Report>('/reports/bypass', { since, top: 50 })
  return (
    <>
      <Title text={t('page.bypass')}>
        <Select
          label={t('log.period')}
          value={since}
          options={SPANS.map(one => [one, t(`span.${one}`)] as const)}
          onChange={chosen => navigate(urlOf('bypass', { since: chosen }))}
        />
      </Title>
      <p class="faint">{t('bypass.intro')}</p>
      <Load from={report}>
        {({ tables, remarks }) => {
          const methods = (tables.ways ?? []).toSorted((a, b) => lookupsOf(b) - lookupsOf(a))
          const names = methods.map(row => String(row.way))
          return (
            <>
              <div class="grid">
                <Card title={t('bypass.methods')}>
                  <Bars
                    none={t('empty.bypass')}
                    bars={methods.map(row => ({
                      label: String(row.way),
                      value: lookupsOf(row),
                      href: urlOf('log', { app: String(row.way), since })
                    }))}
                  />
                </Card>
                <Card
                  title={t('bypass.trend')}
                  aside={<span class="note">{t('bypass.complete')}</span>}
                >
                  {names.length === 0 ? (
                    <p class="faint">{t('empty.bypass')}</p>
                  ) : (
                    <Trend key={since} methods={names.slice(0, 4)} since={since} />
                  )}
                </Card>
              </div>
              {methods.length > 0 && (
                <Card title={t('bypass.details')}>
                  <ReportTable
                    id="ways"
                    title={t('table.ways')}
                    rows={methods.map(row => ({ ...row, meaning: meaningOf(row) }))}
                  />
                </Card>
              )}
              {Object.entries(tables)
                .filter(([id]) => id !== 'ways')
                .map(([id, rows]) => (
                  <Card key={id} title={word('table', id)}>
                    {rows.length === 0 ? (
                      <p class="faint">{t(id === 'fallen' ? 'bypass.noneQuiet' : 'bypass.none')}</p>
                    ) : (
                      <ReportTable id={id} title={word('table', id)} rows={rows} />
                    )}
                  </Card>
                ))}
              <Remarks remarks={remarks} />
            </>
          )
        }}
      </Load>
      <ByAddress since={since} />
    </>
  )
}

/** Clients that connect where no answer led them. */
function ByAddress({ since }: { readonly since: string }) {
  const report = useApi<Report>('/reports/egress', { since, top: 50 })
  return (
    <Load from={report}>
      {({ tables, remarks }) => {
        const filled = Object.entries(tables).filter(([, rows]) => rows.length > 0)
        return (
          <>
            {filled.length === 0 && (
              <Card title={t('bypass.byAddress')}>
                <p class="faint">{t('bypass.noneByAddress')}</p>
              </Card>
            )}
            {filled.map(([id, rows]) => (
              <Card key={id} title={word('table', id)}>
                <ReportTable id={id} title={word('table', id)} rows={rows} />
              </Card>
            ))}
            <Remarks remarks={remarks} />
          </>
        )
      }}
    </Load>
  )
}

type Row = Report['tables'][string][number]

const lookupsOf = ({ lookups }: Row): number => Number(lookups)

/** In the language of the user. */
function meaningOf({ way, meaning }: Row): string {
  const text = word('method', String(way))
  return text === way ? String(meaning ?? '–') : text
}

const TONES = ['blocked', 'monitored', 'allowed', 'stale']

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Hours and days of the trend, and one more: the first is seldom complete. */
const TREND_SPANS: Readonly<Record<string, string>> = { '24h': '25h', '7d': '8d', '30d': '31d' }

/** Lookups by day, or by hour, of the methods used most. */
function Trend({
  methods,
  since
}: {
  readonly methods: readonly string[]
  readonly since: string
}) {
  const [by, step] = since === '24h' ? (['hour', HOUR] as const) : (['day', DAY] as const)
  const span = TREND_SPANS[since] ?? since
  const ask = (i: number): string | undefined =>
    methods[i] === undefined ? undefined : '/reports/overview'
  const query = (i: number) => ({ by, since: span, app: methods[i] ?? '', top: 1000 })
  // Hooks are called in the same order always: up to four methods.
  const found = [
    useApi<Report>(ask(0), query(0)),
    useApi<Report>(ask(1), query(1)),
    useApi<Report>(ask(2), query(2)),
    useApi<Report>(ask(3), query(3))
  ]
  const rows = found.map(({ data }) => data?.tables[by] ?? [])
  const now = Date.now()
  const times = completeSpans(
    rows.flat().map(row => Date.parse(String(row[by]))),
    step,
    now - (readSpan(span) ?? 0),
    now
  )
  if (found.some(({ isLoading, data }) => isLoading && data === undefined))
    return <p class="loading">{t('loading')}</p>
  if (times.length < 2) return <p class="faint">{t('bypass.noTrend')}</p>
  return (
    <LazyChart
      label={t('bypass.trend')}
      times={times.map(one => one / 1000)}
      height={220}
      show={value => (value === null ? '–' : format.value.compact(value))}
      series={methods.map((label, i) => {
        const counts = new Map(
          rows[i]!.map(row => [Date.parse(String(row[by])), Number(row.lookups)])
        )
        return { label, tone: TONES[i]!, values: times.map(one => counts.get(one) ?? 0) }
      })}
    />
  )
}
