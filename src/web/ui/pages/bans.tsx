import { useEffect, useState } from 'preact/hooks'
import type { Ban, Exception, Network, Page as List, RuleState } from '../../api/types.js'
import { eventsOf, monthAfter, weeksOf, type CalendarEvent } from '../../calendar.js'
import { daysLeft } from '../../format.js'
import { urlOf } from '../../pages.js'
import { Badge, Card, Facts, Field, Id, Load, Tabs, Title } from '../components.js'
import { format, navigate, now, place, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'

const ALL = { limit: 1000 }
const TONES: Readonly<Record<RuleState, string>> = {
  'in force': 'good',
  'outside its hours': 'warn',
  'to come': '',
  ended: ''
}

export function Page() {
  const { parameters } = place.value
  const view = parameters.get('view') === 'calendar' ? 'calendar' : 'list'
  const bans = useApi<List<Ban>>('/bans', ALL, 60)
  const exceptions = useApi<List<Exception>>('/exceptions', ALL, 60)
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
  const networks = useApi<List<Network>>('/networks', ALL)
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
        <Field label={t('network')}>
          <select
            value={network}
            onChange={event => navigate(urlOf('bans', { network: event.currentTarget.value }))}
          >
            <option value="">{t('log.all')}</option>
            {networks.data?.items.map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </Field>
        <Field label={t('state')}>
          <select
            value={state}
            onChange={event => setState(event.currentTarget.value as 'current' | 'all')}
          >
            <option value="current">{t('bans.current')}</option>
            <option value="all">{t('bans.withEnded')}</option>
          </select>
        </Field>
      </div>
      {shown.length === 0 && <p class="faint">{t('bans.none')}</p>}
      {shown.map(ban => (
        <BanCard key={ban.id} ban={ban} exceptions={exceptions.filter(one => concerns(one, ban))} />
      ))}
    </>
  )
}

/** An exception lifts bans of the same apps and lists in the same networks. */
function concerns(exception: Exception, ban: Ban): boolean {
  const ids = new Set(ban.sources.map(({ kind, id }) => `${kind} ${id}`))
  const hasNetwork = exception.networks.some(id => ban.networks.includes(id))
  return hasNetwork && exception.sources.some(({ kind, id }) => ids.has(`${kind} ${id}`))
}

function BanCard({
  ban,
  exceptions
}: {
  readonly ban: Ban
  readonly exceptions: readonly Exception[]
}) {
  const { id, state, mode, sources, authority, reference, referenceUrl, networks, lacking } = ban
  return (
    <Card
      id={`ban-${id}`}
      title={id}
      aside={
        <span class="row">
          <Badge tone={TONES[state]}>{word('state', state)}</Badge>
          {mode === 'monitor' && <Badge tone="warn">{t('bans.monitored')}</Badge>}
          <Left until={ban.until} />
        </span>
      }
    >
      <div class="grid">
        <Facts
          facts={[
            [t('bans.about'), sources.map(({ title, id }) => title || id).join(', ')],
            [t('bans.authority'), authority],
            [
              t('bans.reference'),
              referenceUrl === null ? (
                reference
              ) : (
                <a href={referenceUrl} target="_blank" rel="noreferrer">
                  {reference ?? referenceUrl} ↗
                </a>
              )
            ],
            [t('bans.legalBasis'), ban.legalBasis],
            [t('bans.owner'), ban.owner],
            [t('bans.action'), <code>{ban.action}</code>],
            [t('why.where'), <code>{ban.rule}</code>]
          ]}
        />
        <Facts
          facts={[
            [t('bans.from'), dateOf(ban.from)],
            [t('bans.until'), ban.until === null ? t('bans.open') : dateOf(ban.until)],
            [t('bans.review'), dateOf(ban.review)],
            [t('bans.schedule'), ban.schedule],
            [
              t('bans.covered'),
              <span class="row">
                {networks.map(one => (
                  <Badge key={one} tone="good">
                    {one}
                  </Badge>
                ))}
              </span>
            ],
            [
              t('bans.lacking'),
              lacking.length === 0 ? (
                t('bans.lackingNone')
              ) : (
                <span class="row">
                  {lacking.map(one => (
                    <span key={one} data-lacking={one}>
                      <Badge tone="bad">{one}</Badge>
                    </span>
                  ))}
                </span>
              )
            ]
          ]}
        />
      </div>
      {exceptions.length > 0 && (
        <section class="stack">
          <h3>{t('bans.exceptions')}</h3>
          <Table
            label={t('bans.exceptions')}
            rows={exceptions}
            rowId={({ id }) => id}
            columns={[
              { title: t('bans.purpose'), cell: ({ purpose }) => purpose },
              { title: t('bans.approver'), cell: ({ approvedBy }) => approvedBy },
              {
                title: t('bans.clients'),
                kind: 'break',
                cell: ({ prefixes, networks }) =>
                  (prefixes.length === 0 ? networks : prefixes).join(', ')
              },
              {
                title: t('bans.until'),
                cell: ({ until }) => (
                  <>
                    {dateOf(until) ?? t('bans.open')} <Left until={until} />
                  </>
                )
              },
              {
                title: t('state'),
                cell: ({ state }) => <Badge tone={TONES[state]}>{word('state', state)}</Badge>
              }
            ]}
          />
        </section>
      )}
      <div class="row no-print">
        <a class="button small" href={urlOf('log', { ban: id, since: '7d' })}>
          {t('bans.showLog')}
        </a>
        <a class="button small" href={urlOf('reports', { kind: 'ban', id })}>
          {t('bans.showReport')}
        </a>
      </div>
    </Card>
  )
}

const dateOf = (at: string | null): string | null => (at === null ? null : format.value.day(at))

function Left({ until }: { readonly until: string | null }) {
  if (until === null) return null
  const days = daysLeft(until, now.value)
  if (days < 0) return null
  return (
    <Badge tone={days <= 14 ? 'bad' : days <= 31 ? 'warn' : ''}>{t('daysLeft', { n: days })}</Badge>
  )
}

function Calendar({ events }: { readonly events: readonly CalendarEvent[] }) {
  const today = format.value.isoDay(now.value)
  const current = { year: Number(today.slice(0, 4)), month: Number(today.slice(5, 7)) - 1 }
  const [shown, setShown] = useState(current)
  const language = format.value.language
  const title = new Date(shown.year, shown.month, 1).toLocaleDateString(language, {
    month: 'long',
    year: 'numeric'
  })
  const weekdays = Array.from({ length: 7 }, (_, i) =>
    new Date(2024, 0, 1 + i).toLocaleDateString(language, { weekday: 'short' })
  )
  const ahead = events.filter(({ at }) => Date.parse(at) >= now.value - 86_400_000).slice(0, 30)
  return (
    <>
      <Card
        title={title}
        aside={
          <span class="row">
            <button
              type="button"
              class="button small"
              aria-label={t('bans.previousMonth')}
              onClick={() => setShown(monthAfter(shown, -1))}
            >
              ‹
            </button>
            <button type="button" class="button small" onClick={() => setShown(current)}>
              {t('bans.today')}
            </button>
            <button
              type="button"
              class="button small"
              aria-label={t('bans.nextMonth')}
              onClick={() => setShown(monthAfter(shown, 1))}
            >
              ›
            </button>
          </span>
        }
      >
        <table class="calendar">
          <caption class="hide">{title}</caption>
          <thead>
            <tr>
              {weekdays.map(day => (
                <th key={day} scope="col">
                  {day}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {weeksOf(shown, events, today, at => format.value.isoDay(at)).map((week, i) => (
              <tr key={i}>
                {week.map(({ day, isInside, isToday, events }) => (
                  <td key={day} class={isToday ? 'today' : isInside ? '' : 'other'}>
                    <span class="day">{day}</span>
                    {events.map(({ id, what }) => (
                      <a
                        key={`${id} ${what}`}
                        class={`event ${what}`}
                        href={urlOf('bans', { id })}
                        title={`${id}: ${t(`notice.${what}`)}`}
                      >
                        <Id text={id} /> {t(`notice.${what}`)}
                      </a>
                    ))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      <Card title={t('bans.ahead')}>
        {ahead.length === 0 ? (
          <p class="faint">{t('bans.noneAhead')}</p>
        ) : (
          <table>
            <thead>
              <tr>
                <th scope="col">{t('date')}</th>
                <th scope="col">{t('rule')}</th>
                <th scope="col">{t('bans.event')}</th>
              </tr>
            </thead>
            <tbody>
              {ahead.map(({ at, id, kind, what }) => (
                <tr key={`${at} ${id} ${what}`}>
                  <td class="date">
                    {format.value.day(at)}
                    <br />
                    <span class="note">{format.value.ago(at, now.value)}</span>
                  </td>
                  <th scope="row" class="break">
                    <Id text={id} />
                  </th>
                  <td>
                    <span
                      class={`badge ${what === 'ends' ? 'bad' : what === 'starts' ? 'good' : 'warn'}`}
                    >
                      {t(`kind.${kind}`)} · {t(`notice.${what}`)}
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
    </>
  )
}
