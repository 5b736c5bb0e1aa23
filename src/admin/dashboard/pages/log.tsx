import { filtersIn, type Filters } from '../../web/log-filter.js'
import { urlOf } from '../../web/pages.js'
import { Tabs, Title } from '../components.js'
import { navigate, place, t } from '../state.js'
import { FilterBar } from './log/filter-bar.js'
import { Live } from './log/live.js'
import { Search } from './log/search.js'

export function Page() {
  const { parameters } = place.value
  const filters = filtersIn(parameters)
  const isLive = parameters.get('live') === '1'
  const go = (next: Filters, live = isLive): void =>
    navigate(urlOf('log', { ...next, live: live ? '1' : '' }), true)
  const key = JSON.stringify(filters)
  return (
    <>
      <Title text={t('page.log')}>
        <Tabs
          label={t('log.mode')}
          value={isLive ? 'live' : 'search'}
          options={[
            ['search', t('log.search')],
            ['live', t('log.live')]
          ]}
          onChange={mode => go(filters, mode === 'live')}
        />
      </Title>
      <FilterBar filters={filters} isLive={isLive} go={go} />
      {isLive ? (
        <Live key={key} filters={filters} go={go} />
      ) : (
        <Search key={key} filters={filters} go={go} />
      )}
    </>
  )
}
