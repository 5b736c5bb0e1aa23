import { useState } from 'preact/hooks'
import { absolute, isGroup } from '../../web/explore-query.js'
import { filtersIn, type Filters } from '../../web/log-filter.js'
import { urlOf } from '../../web/pages.js'
import { Tabs, Title } from '../components.js'
import { navigate, now, place, t } from '../state.js'
import { Effect } from './explore/effect.js'
import { Groups } from './explore/groups.js'
import { Hours } from './explore/hours.js'
import { Subject } from './explore/subject.js'
import { FilterBar } from './log/filter-bar.js'

const VIEWS = ['groups', 'hours', 'effect'] as const
type ViewId = (typeof VIEWS)[number]

export function Page() {
  const { parameters } = place.value
  const filters = filtersIn(parameters)
  const view = VIEWS.find(one => one === parameters.get('view')) ?? 'groups'
  const chosen = parameters.get('by') ?? ''
  const { client, device, name } = filters
  const exact = name?.startsWith('=') === true ? name.slice(1) : undefined
  const one = client ?? device ?? exact
  const isOne = one !== undefined
  const by = isGroup(chosen) ? chosen : !isOne ? 'app' : one === exact ? 'client' : 'name'
  const own = { view: view === 'groups' ? '' : view, by: chosen }
  const go = (next: Filters, more: Readonly<Record<string, string>> = {}): void =>
    navigate(urlOf('explore', { ...own, ...next, ...more }))
  const key = JSON.stringify(filters)
  return (
    <>
      <Title text={isOne && view === 'groups' ? one : t('page.explore')}>
        <Tabs<ViewId>
          label={t('bans.view')}
          value={view}
          options={VIEWS.map(one => [one, t(`explore.${one}`)] as const)}
          onChange={next =>
            navigate(
              urlOf('explore', { ...filters, by: chosen, view: next === 'groups' ? '' : next })
            )
          }
        />
      </Title>
      {view === 'effect' ? (
        <Effect ban={filters.ban} />
      ) : (
        <>
          <FilterBar
            filters={view === 'hours' ? filters : { since: '24h', ...filters }}
            isLive={view === 'hours'}
            go={go}
          />
          {view === 'hours' ? (
            <Hours key={key} filters={filters} />
          ) : (
            <Shown key={key} filters={filters} by={by} isOne={isOne} go={go} />
          )}
        </>
      )}
    </>
  )
}

function Shown({
  filters,
  by,
  isOne,
  go
}: Omit<Parameters<typeof Groups>[0], 'period'> & { readonly isOne: boolean }) {
  // Of the time at which it is shown first, so that links and figures are of one period.
  const period = useStable(() => absolute(filters, now.value))
  return (
    <>
      <Groups filters={filters} period={period} by={by} go={go} />
      {isOne && <Subject filters={period} />}
    </>
  )
}

function useStable<T>(make: () => T): T {
  return useState(make)[0]
}
