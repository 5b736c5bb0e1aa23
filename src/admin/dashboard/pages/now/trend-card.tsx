import { useMemo } from 'preact/hooks'
import type { Trend, TrendPoint } from '../../../web/api/types/status-responses.js'
import { hoursOf, seriesOf } from '../../../web/trend-series.js'
import { Card, Load } from '../../components.js'
import { LazyChart } from '../../lazy-chart.js'
import { format, t } from '../../state.js'
import { Table } from '../../table.js'
import type { Resource } from '../../use-api.js'

export function TrendCard({ trend }: { readonly trend: Resource<Trend> }) {
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
        {data =>
          !data.points.some(hasQueries) ? (
            <p class="faint">{t('now.noQueries')}</p>
          ) : (
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
                        label: t('report.blocked'),
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
          )
        }
      </Load>
    </Card>
  )
}

const hasQueries = (point: TrendPoint | null): boolean =>
  point !== null && point.answered + point.blocked + point.stale + point.failed > 0

const HOURLY = [
  ['answered', 'answered'],
  ['blocked', 'report.blocked'],
  ['stale', 'stale'],
  ['failed', 'failedAnswers']
] as const
