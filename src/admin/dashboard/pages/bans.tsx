import { useEffect, useState } from 'preact/hooks'
import type { Ban, Exception, Listing, Network } from '../../web/api/types/rule-responses.js'
import { eventsOf } from '../../web/calendar.js'
import { urlOf } from '../../web/pages.js'
import { Load, Select, Tabs, Title } from '../components.js'
import { navigate, place, t } from '../state.js'
import { useApi } from '../use-api.js'
import { Empty } from '../empty.js'
import { BanCard } from './bans/ban-card.js'
import { Calendar } from './bans/calendar.js'
import { DnssecExceptions } from './bans/dnssec-exceptions.js'

const ALL = { limit: 1000 }

export function Page() {
  const { parameters } = place.value
  const view = parameters.get('view') === 'calendar' ? 'calendar' : 'list'
  const bans = useApi<Listing<Ban>>('/bans', ALL, 60)
  const exceptions = useApi<Listing<Exception>>('/exceptions', ALL, 60)
  return (
    <>
      <Title text={t('page.bans')}>
        <Tabs
          label={t('bans.view')}
          value={view}
          options={[
            ['list', t('bans.list')],
            ['calendar', t('bans.calendar')]
          ]}
          onChange={next => navigate(urlOf('bans', { view: next === 'list' ? '' : next }))}
        />
      </Title>
      <Load from={bans}>
        {({ items }) =>
          view === 'list' ? (
            <BanList
              bans={items}
              exceptions={exceptions.data?.items ?? []}
              chosen={parameters.get('id') ?? ''}
              network={parameters.get('network') ?? ''}
            />
          ) : (
            <Calendar events={eventsOf(items, exceptions.data?.items ?? [])} />
          )
        }
      </Load>
    </>
  )
}

interface ListProps {
  readonly bans: readonly Ban[]
  readonly exceptions: readonly Exception[]
  readonly chosen: string
  readonly network: string
}

function BanList({ bans, exceptions, chosen, network }: ListProps) {
  const [state, setState] = useState<'current' | 'all'>('current')
  const networks = useApi<Listing<Network>>('/networks', ALL)
  const isShown = (ban: Ban): boolean =>
    ban.id === chosen ||
    ((state === 'all' || ban.state !== 'ended') &&
      (network === '' || ban.networks.includes(network) || ban.lacking.includes(network)))
  const shown = bans.filter(isShown)
  useEffect(() => {
    if (chosen === '') return
    const exception = document.querySelector(`[data-row="${CSS.escape(chosen)}"]`)
    const found = document.getElementById(`ban-${chosen}`) ?? exception?.closest('.card')
    found?.scrollIntoView({ block: 'start' })
  }, [chosen])
  return (
    <>
      <div class="row ends">
        <Select
          label={t('network')}
          value={network}
          options={[['', t('log.all')], ...(networks.data?.items.map(({ id }) => id) ?? [])]}
          onChange={chosen => navigate(urlOf('bans', { network: chosen }))}
        />
        <Select
          label={t('state')}
          value={state}
          options={[
            ['current', t('bans.current')],
            ['all', t('bans.withEnded')]
          ]}
          onChange={chosen => setState(chosen as 'current' | 'all')}
        />
      </div>
      {bans.length === 0 ? (
        <Empty title={t('bans.none')}>
          <p class="note">{t('empty.bans')}</p>
          <a class="button main" href={urlOf('change', { add: 'ban', network })}>
            {t('step.todo.ban')}
          </a>
          <pre class="note">interdict ban add</pre>
        </Empty>
      ) : (
        shown.length === 0 && <p class="faint">{t('empty.bansHidden')}</p>
      )}
      <div class="grid wide">
        {shown.map(ban => (
          <BanCard
            key={ban.id}
            ban={ban}
            exceptions={exceptions.filter(one => concerns(one, ban))}
          />
        ))}
      </div>
      <DnssecExceptions withEnded={state === 'all'} />
    </>
  )
}

/** An exception lifts bans of the same apps and lists in the same networks. */
function concerns(exception: Exception, ban: Ban): boolean {
  const ids = new Set(ban.sources.map(({ kind, id }) => `${kind} ${id}`))
  const hasNetwork = exception.networks.some(id => ban.networks.includes(id))
  return hasNetwork && exception.sources.some(({ kind, id }) => ids.has(`${kind} ${id}`))
}
