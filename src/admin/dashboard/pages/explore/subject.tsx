import type { LookupGroups } from '../../../web/api/types/explore-responses.js'
import { periodOf, withGroup, type Group } from '../../../web/explore-query.js'
import type { Filters } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { Bars, Card, Load } from '../../components.js'
import { DeviceCard, hasDevice } from '../../device.js'
import { format, t } from '../../state.js'
import { useApi } from '../../use-api.js'

const HOUR = 3_600
const MAX_HOURS = 48

/** What is known of one client, or of one name: its hours, and what caught it. */
export function Subject({
  filters
}: {
  readonly filters: Filters & { readonly since: string; readonly until: string }
}) {
  const found = useApi<LookupGroups>('/lookups/groups', {
    ...filters,
    by: 'network',
    width: HOUR,
    top: 5
  })
  const { client } = filters
  const { privacy, all } = found.data ?? {}
  return (
    <>
      {all?.last != null && hasDevice(client, privacy?.[0]) && (
        <DeviceCard address={client} time={all.last} />
      )}
      <Card title={t('explore.byHour')}>
        <Load from={found}>{data => <HourLinks data={data} period={filters} />}</Load>
      </Card>
      <div class="grid">
        <Card title={t('filter.network')}>
          <Load from={found}>{data => <Ranking data={data} by="network" filters={filters} />}</Load>
        </Card>
        {(['ban', 'list'] as const).map(by => (
          <Caught key={by} by={by} filters={filters} />
        ))}
      </div>
    </>
  )
}

/** The latest hours with lookups, each with a link to them. */
function HourLinks({ data, period }: { readonly data: LookupGroups; readonly period: Filters }) {
  const { start, width, all } = data
  const hours = all.counts
    .map((lookups, i) => ({ at: Date.parse(start) + i * width * 1000, lookups }))
    .filter(({ lookups }) => lookups > 0)
    .slice(-MAX_HOURS)
    .reverse()
  return (
    <ul class="hours" data-hours={hours.length}>
      {hours.map(({ at, lookups }) => (
        <li key={at}>
          <a href={urlOf('log', { ...period, ...periodOf(at, at + width * 1000) })}>
            {format.value.dateTime(at)}
          </a>{' '}
          <b class="figures">{format.value.count(lookups)}</b>
        </li>
      ))}
    </ul>
  )
}

/** Bans, or lists, that matched. */
function Caught({ by, filters }: { readonly by: 'ban' | 'list'; readonly filters: Filters }) {
  const found = useApi<LookupGroups>('/lookups/groups', { ...filters, by, top: 5 })
  return (
    <Card title={t(by === 'ban' ? 'explore.caughtByBan' : 'explore.caughtByList')}>
      <Load from={found}>{data => <Ranking data={data} by={by} filters={filters} />}</Load>
    </Card>
  )
}

function Ranking({
  data,
  by,
  filters
}: {
  readonly data: LookupGroups
  readonly by: Group
  readonly filters: Filters
}) {
  return (
    <Bars
      total={data.all.lookups}
      none={t('why.none')}
      bars={data.groups.map(({ key, lookups }) => ({
        label: key,
        value: lookups,
        href: urlOf('log', { ...withGroup(filters, by, key) })
      }))}
    />
  )
}
