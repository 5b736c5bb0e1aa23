import { useState } from 'preact/hooks'
import type { ComparedHours } from '../../../web/api/types/explore-responses.js'
import { periodOf } from '../../../web/explore-query.js'
import type { Filters } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { Badge, Card, Load, Select } from '../../components.js'
import { LazyChart } from '../../lazy-chart.js'
import { format, t } from '../../state.js'
import { Table } from '../../table.js'
import { useApi } from '../../use-api.js'

const HOUR = 3_600_000
const SPANS = [
  ['24', '24h'],
  ['168', '7d']
] as const

/** The last hours, compared with the same weekday and hour of earlier weeks. */
export function Hours({ filters: all }: { readonly filters: Filters }) {
  const filters: Filters = Object.fromEntries(
    Object.entries(all).filter(([name]) => name !== 'since')
  )
  const [hours, setHours] = useState('24')
  const found = useApi<ComparedHours>('/lookups/unusual-hours', { ...filters, hours })
  return (
    <>
      <div class="row ends">
        <Select
          label={t('log.period')}
          value={hours}
          options={SPANS.map(([value, span]) => [value, t(`span.${span}`)] as const)}
          onChange={setHours}
        />
        <p class="note">{t('hours.intro')}</p>
      </div>
      <Load from={found}>{data => <Shown data={data} filters={filters} />}</Load>
    </>
  )
}

function Shown({
  data: { hours, needed },
  filters
}: {
  readonly data: ComparedHours
  readonly filters: Filters
}) {
  const known = hours.filter(({ mean }) => mean !== null)
  const unusual = hours.filter(one => one.unusual !== null).reverse()
  const { value: f } = format
  return (
    <>
      <Card
        title={t('explore.hours')}
        aside={<span class="note">{t('hours.known', { n: known.length, all: hours.length })}</span>}
      >
        <LazyChart
          label={t('explore.hours')}
          times={hours.map(({ at }) => Date.parse(at) / 1000)}
          height={240}
          show={value => (value === null ? '–' : f.compact(value))}
          series={[
            {
              label: t('explore.lookups'),
              tone: 'answered',
              values: hours.map(one => one.lookups),
              isArea: true
            },
            { label: t('hours.usual'), tone: 'monitored', values: hours.map(({ mean }) => mean) }
          ]}
        />
        {known.length === 0 ? (
          <p data-hours="unknown">{t('hours.unknown', { n: needed })}</p>
        ) : (
          <Table
            id="unusual"
            label={t('explore.hours')}
            none={t('hours.none')}
            rows={unusual}
            columns={[
              {
                title: t('hour'),
                cell: ({ at }) => (
                  <a
                    href={urlOf('log', {
                      ...filters,
                      ...periodOf(Date.parse(at), Date.parse(at) + HOUR)
                    })}
                  >
                    {f.dateTime(at)}
                  </a>
                )
              },
              {
                title: t('state'),
                cell: ({ unusual }) => (
                  <Badge tone="warn">{t(unusual === 'more' ? 'hours.more' : 'hours.fewer')}</Badge>
                )
              },
              { title: t('explore.lookups'), kind: 'n', cell: ({ lookups }) => f.count(lookups) },
              {
                title: t('hours.usual'),
                kind: 'n',
                cell: ({ mean }) => f.count(Math.round(mean!))
              },
              {
                title: t('hours.spread'),
                kind: 'n',
                cell: ({ spread }) => f.count(Math.round(spread!))
              },
              { title: t('hours.weeks'), kind: 'n', cell: ({ weeks }) => weeks }
            ]}
          />
        )}
      </Card>
    </>
  )
}
