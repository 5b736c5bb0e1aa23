import { useState } from 'preact/hooks'
import type { LookupGroups } from '../../web/api/types/explore-responses.js'
import type { List, Listing } from '../../web/api/types/rule-responses.js'
import { absolute, type Period } from '../../web/explore-query.js'
import { filtersIn } from '../../web/log-filter.js'
import { urlOf } from '../../web/pages.js'
import { clientsLabel } from '../clients-label.js'
import { Bars, Card, Load, Title } from '../components.js'
import { Empty } from '../empty.js'
import { PeriodSelect } from '../period-select.js'
import { navigate, now, place, t } from '../state.js'
import { useApi } from '../use-api.js'
import { FindingCards } from './threats/findings.js'
import { ListHits } from './threats/list-hits.js'
import { ListTable } from './threats/list-table.js'

const SPANS = ['24h', '7d', '30d'] as const
/** The API takes as many values of a filter. */
const MAX_LISTS = 32

export function Page() {
  const { parameters } = place.value
  const { since = '7d', until } = filtersIn(parameters)
  const list = parameters.get('list') ?? ''
  return (
    <>
      <Title text={t('page.threats')}>
        <PeriodSelect
          period={{ since, ...(until !== undefined && { until }) }}
          spans={SPANS}
          onChange={times => navigate(urlOf('threats', { ...times, list }))}
        />
      </Title>
      <Shown key={`${since} ${until}`} since={since} until={until} />
    </>
  )
}

function Shown({ since, until }: { readonly since: string; readonly until: string | undefined }) {
  const [period] = useState(() => {
    const times = absolute({ since, ...(until !== undefined && { until }) }, now.value)
    return { since: times.since, until: times.until }
  })
  const list = place.value.parameters.get('list') ?? ''
  const lists = useApi<Listing<List>>('/lists', { limit: 1000 })
  const hits = useApi<LookupGroups>('/lookups/groups', { ...period, by: 'list', top: MAX_LISTS })
  return (
    <>
      <Card title={t('threats.lists')}>
        <Load from={lists}>
          {({ items }) => (
            <Load from={hits}>
              {({ groups, privacy }) => (
                <ListTableOrEmpty
                  lists={items}
                  hits={groups}
                  chosen={list}
                  period={period}
                  privacy={privacy}
                />
              )}
            </Load>
          )}
        </Load>
      </Card>
      {list !== '' && <ListHits key={list} list={list} period={period} />}
      <FindingCards />
      <Card
        title={t('threats.devices')}
        aside={<span class="note">{t('threats.devicesNote')}</span>}
      >
        <Load from={hits}>
          {({ groups }) => <Devices lists={groups.map(({ key }) => key)} period={period} />}
        </Load>
      </Card>
    </>
  )
}

function ListTableOrEmpty(props: Parameters<typeof ListTable>[0]) {
  if (props.lists.length > 0) return <ListTable {...props} />
  return (
    <Empty title={t('empty.lists')}>
      <p class="note">{t('empty.listsText')}</p>
      <pre class="note">interdict list add</pre>
    </Empty>
  )
}

/** Clients with most lookups that lists matched. */
function Devices({
  lists,
  period
}: {
  readonly lists: readonly string[]
  readonly period: Period
}) {
  const path = lists.length === 0 ? undefined : '/lookups/groups'
  const found = useApi<LookupGroups>(path, { ...period, by: 'client', list: lists })
  if (path === undefined) return <p class="faint">{t('threats.noHits')}</p>
  return (
    <Load from={found}>
      {({ groups, all, privacy }) => (
        <div data-devices={groups.length}>
          {privacy.length > 0 && <p class="note">{clientsLabel(privacy)}</p>}
          <Bars
            total={all.lookups}
            none={t('threats.noHits')}
            bars={groups.map(({ key, lookups }) => ({
              label: key,
              value: lookups,
              href: urlOf('explore', { ...period, client: key })
            }))}
          />
        </div>
      )}
    </Load>
  )
}
