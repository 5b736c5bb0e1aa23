import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError } from '../../api/client.js'
import type { Lookup } from '../../api/types.js'
import {
  FILTERS,
  filtersIn,
  parseFilter,
  searchQuery,
  streamQuery,
  type FilterName,
  type Filters
} from '../../log-filter.js'
import { wholeSecond } from '../../format.js'
import { urlOf } from '../../pages.js'
import { Failure, Facts, Field, Modal, Tabs, Title, Verdict } from '../components.js'
import { LongTable, type LongColumn } from '../long-table.js'
import { api, format, navigate, place, t, word } from '../state.js'

const PAGE = 200
/** Live lookups that are shown at most; older ones are found by a search. */
const MAX_LIVE = 2_000
const VERDICTS = [
  'blocked',
  'monitored',
  'allowed',
  'forwarded',
  'cached',
  'stale',
  'refused',
  'failed',
  'local',
  'probe'
]
const SPANS = ['15m', '1h', '24h', '7d', '30d'] as const

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
      <Bar filters={filters} isLive={isLive} go={go} />
      {isLive ? (
        <Live key={key} filters={filters} go={go} />
      ) : (
        <Search key={key} filters={filters} go={go} />
      )}
    </>
  )
}

type Go = (filters: Filters) => void

function without(filters: Filters, name: FilterName): Filters {
  return Object.fromEntries(Object.entries(filters).filter(([one]) => one !== name))
}

function Bar({
  filters,
  isLive,
  go
}: {
  readonly filters: Filters
  readonly isLive: boolean
  readonly go: Go
}) {
  const [name, setName] = useState<FilterName | 'auto'>('auto')
  const [text, setText] = useState('')
  const add = (event: Event): void => {
    event.preventDefault()
    const found = name === 'auto' ? parseFilter(text) : ([name, text.trim()] as const)
    if (found === undefined || found[1] === '') return
    go({ ...filters, [found[0]]: found[1] })
    setText('')
  }
  return (
    <div class="stack">
      <form class="row ends" onSubmit={add}>
        <Field label={t('log.field')}>
          <select value={name} onChange={event => setName(event.currentTarget.value as FilterName)}>
            <option value="auto">{t('log.auto')}</option>
            {FILTERS.filter(one => one !== 'verdict').map(one => (
              <option key={one} value={one}>
                {t(`filter.${one}`)}
              </option>
            ))}
          </select>
        </Field>
        <Field label={t('log.value')} wide>
          <input
            value={text}
            spellcheck={false}
            autocapitalize="off"
            placeholder="tiktok.com, 10.0.0.7, app:tiktok"
            onInput={event => setText(event.currentTarget.value)}
          />
        </Field>
        <button class="button">{t('log.add')}</button>
        <Field label={t('filter.verdict')}>
          <select
            value={filters.verdict ?? ''}
            onChange={event =>
              go({
                ...without(filters, 'verdict'),
                ...(event.currentTarget.value !== '' && { verdict: event.currentTarget.value })
              })
            }
          >
            <option value="">{t('log.all')}</option>
            {VERDICTS.map(one => (
              <option key={one} value={one}>
                {word('verdict', one)}
              </option>
            ))}
          </select>
        </Field>
        {!isLive && (
          <Field label={t('log.period')}>
            <select
              value={
                SPANS.find(one => one === filters.since) ??
                (filters.since === undefined ? '' : 'other')
              }
              onChange={event =>
                go({
                  ...without(without(filters, 'since'), 'until'),
                  ...(event.currentTarget.value !== '' && { since: event.currentTarget.value })
                })
              }
            >
              <option value="">{t('log.all')}</option>
              {SPANS.map(one => (
                <option key={one} value={one}>
                  {t(`span.${one}`)}
                </option>
              ))}
              <option value="other" disabled hidden>
                {filters.since}
              </option>
            </select>
          </Field>
        )}
      </form>
      {Object.keys(filters).length > 0 && (
        <ul class="chips" aria-label={t('log.filters')}>
          {Object.entries(filters).map(([one, value]) => (
            <li key={one} class="chip">
              <span>
                {t(`filter.${one as FilterName}`)}:{' '}
                <b>{one === 'verdict' ? word('verdict', value) : value}</b>
              </span>
              <button
                type="button"
                aria-label={t('log.remove', {
                  filter: `${t(`filter.${one as FilterName}`)} ${value}`
                })}
                onClick={() => go(without(filters, one as FilterName))}
              >
                ✕
              </button>
            </li>
          ))}
          <li>
            <button type="button" class="link note" onClick={() => go({})}>
              {t('log.clear')}
            </button>
          </li>
        </ul>
      )}
    </div>
  )
}

interface Found {
  readonly items: readonly Lookup[]
  readonly more: boolean
  readonly milliseconds: number
}

/** The history, page by page: more is read when the end is near. */
function Search({ filters, go }: { readonly filters: Filters; readonly go: Go }) {
  const query = useMemo(() => searchQuery(filters, Date.now()), [])
  const [found, setFound] = useState<Found>({ items: [], more: true, milliseconds: 0 })
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isLoading, setLoading] = useState(true)
  const [wanted, setWanted] = useState(1)
  useEffect(() => {
    const controller = new AbortController()
    const start = performance.now()
    setLoading(true)
    const { items } = found
    const before = items.at(-1)?.time
    // Those of the same instant as the last one come again, and are left out.
    const same = before === undefined ? 0 : items.filter(({ time }) => time === before).length
    const page = before === undefined ? {} : { until: afterInstant(before), offset: same }
    api
      .get<{ items: Lookup[]; more: boolean }>(
        '/lookups',
        { ...query, ...page, limit: PAGE },
        controller.signal
      )
      .then(next => {
        const milliseconds = performance.now() - start
        setFound({ items: [...items, ...next.items], more: next.more, milliseconds })
        setLoading(false)
      })
      .catch((reason: unknown) => {
        if (controller.signal.aborted) return
        setError(reason as ApiError)
        setLoading(false)
      })
    return () => controller.abort()
  }, [wanted])
  const { items, more, milliseconds } = found
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <p class="note" role="status" data-search={isLoading ? 'running' : 'done'}>
        {isLoading
          ? t('log.searching')
          : items.length === 0
            ? error === undefined && t('log.nothing')
            : t(more ? 'log.foundMore' : 'log.found', {
                n: items.length,
                ms: Math.round(milliseconds)
              })}
      </p>
      {(isLoading || items.length > 0) && (
        <Rows
          items={items}
          go={go}
          filters={filters}
          onEnd={() => more && !isLoading && error === undefined && setWanted(one => one + 1)}
        />
      )}
    </>
  )
}

/** Times in the log have milliseconds; the API compares with whole seconds. */
function afterInstant(time: string): string {
  return `${new Date(Math.floor(Date.parse(time) / 1000) * 1000 + 1000).toISOString().slice(0, 19)}Z`
}

/** Lookups as they are logged. */
function Live({ filters, go }: { readonly filters: Filters; readonly go: Go }) {
  const [items, setItems] = useState<readonly Lookup[]>([])
  const [isPaused, setPaused] = useState(false)
  const [dropped, setDropped] = useState(0)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isOpen, setOpen] = useState(false)
  const waiting = useRef<Lookup[]>([])
  useEffect(() => {
    if (isPaused) return undefined
    const controller = new AbortController()
    const { signal } = controller
    const hasLeft = (): boolean => signal.aborted
    const onEvent = ({ type, data }: { type: string; data: string }): void => {
      if (type === 'lookup') waiting.current.push(JSON.parse(data) as Lookup)
      else if (type === 'dropped')
        setDropped(count => count + (JSON.parse(data) as { lookups: number }).lookups)
    }
    const read = async (): Promise<void> => {
      while (!hasLeft()) {
        try {
          setOpen(true)
          await api.stream(
            '/lookups/stream',
            { ...streamQuery(filters), lines: 100 },
            onEvent,
            signal
          )
          setError(undefined)
        } catch (reason) {
          const failed = reason as ApiError
          if (hasLeft()) return
          if (failed.status !== 0) setError(failed)
          if (failed.status !== 0 && failed.code !== 'API_BUSY') return
        }
        setOpen(false)
        await new Promise(done => setTimeout(done, 2_000))
        waiting.current = []
        setItems([])
      }
    }
    void read()
    // Many lookups are drawn at once: the page stays quick, however many there are.
    const timer = setInterval(() => {
      const { current } = waiting
      if (current.length === 0) return
      waiting.current = []
      setItems(items => [...current.reverse(), ...items].slice(0, MAX_LIVE))
    }, 250)
    return () => {
      controller.abort()
      clearInterval(timer)
    }
  }, [isPaused])
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <div class="row apart">
        <p class="note" data-stream={isOpen ? 'open' : 'closed'}>
          {isPaused ? t('log.paused') : t('log.following')}
          {dropped > 0 && ` ${t('log.dropped', { n: dropped })}`}
        </p>
        <button type="button" class="button small" onClick={() => setPaused(!isPaused)}>
          {t(isPaused ? 'log.resume' : 'log.pause')}
        </button>
      </div>
      <Rows items={items} go={go} filters={filters} isLive />
    </>
  )
}

interface RowsProps {
  readonly items: readonly Lookup[]
  readonly filters: Filters
  readonly go: Go
  readonly isLive?: boolean
  readonly onEnd?: () => void
}

function ruleOf(lookup: Lookup): string {
  const { ban, exception, allow, block, app, list } = lookup
  return [app ?? list, ban ?? exception ?? allow ?? block]
    .filter(one => one !== undefined)
    .join(' · ')
}

function Rows({ items, filters, go, isLive = false, onEnd }: RowsProps) {
  const [open, setOpen] = useState<Lookup | undefined>(undefined)
  return (
    <>
      <LongTable
        kind="log"
        label={t('page.log')}
        count={items.length}
        rowAt={index => items[index]}
        columns={columns()}
        rowKey={(_, index) => (isLive ? items.length - index : index)}
        onOpen={setOpen}
        onRange={(_, last) => {
          if (items.length > 0 && last >= items.length - 20) onEnd?.()
        }}
      />
      {open !== undefined && (
        <Details lookup={open} filters={filters} go={go} onClose={() => setOpen(undefined)} />
      )}
    </>
  )
}

function columns(): readonly LongColumn<Lookup>[] {
  const column = (
    id: 'time' | 'name' | 'type' | 'verdict' | 'client' | 'network' | 'rule',
    cell: LongColumn<Lookup>['cell'],
    full?: (lookup: Lookup) => string
  ): LongColumn<Lookup> => ({ id, title: t(`column.${id}`), cell, ...(full && { full }) })
  return [
    column('time', ({ time }) => timeOf(time)),
    column(
      'name',
      ({ qname }) => qname,
      ({ qname }) => qname
    ),
    column('type', ({ qtype }) => qtype),
    column('verdict', ({ verdict }) => <Verdict verdict={verdict} />),
    column('client', ({ client }) => client ?? '–'),
    column('network', ({ network }) => network ?? '–'),
    column('rule', ruleOf, ruleOf)
  ]
}

function timeOf(time: string): string {
  const today = new Date().toDateString() === new Date(time).toDateString()
  return today ? format.value.second(time) : `${format.value.day(time)} ${format.value.time(time)}`
}

const IS_ADDRESS = /^[0-9a-f.:]+$/i

/** Everything that is known of a lookup. */
function Details({
  lookup,
  filters,
  go,
  onClose
}: {
  readonly lookup: Lookup
  readonly filters: Filters
  readonly go: Go
  readonly onClose: () => void
}) {
  const { qname, qtype, client, time, verdict, ban } = lookup
  const only = (name: FilterName, value: string | undefined) =>
    value !== undefined && (
      <button
        type="button"
        class="button small"
        onClick={() => {
          onClose()
          go({ ...filters, [name]: value })
        }}
      >
        {t('log.only', { filter: t(`filter.${name}`) })}
      </button>
    )
  const fields = Object.entries(lookup).filter(
    ([name]) => name !== 'v' && name !== 'time' && name !== 'verdict'
  )
  return (
    <Modal title={qname} onClose={onClose}>
      <div class="row">
        <Verdict verdict={verdict} />
        <span>{format.value.dateTime(time)}</span>
        <span class="note mono">{time}</span>
      </div>
      <div class="row">
        {client !== undefined && IS_ADDRESS.test(client) && client.length > 1 ? (
          <a
            class="button main"
            href={urlOf('why', { name: qname, client, type: qtype, at: wholeSecond(time) })}
          >
            {t('log.why')}
          </a>
        ) : (
          <p class="note">{t('log.noWhy')}</p>
        )}
        {ban !== undefined && (
          <a class="button" href={urlOf('bans', { id: ban })}>
            {t('why.showBan')}
          </a>
        )}
      </div>
      <Facts
        facts={fields.map(
          ([name, value]) =>
            [word('field', name), <span class="break">{String(value)}</span>] as const
        )}
      />
      <div class="row">
        {only('client', client)}
        {only('name', `=${qname}`)}
        {only('network', lookup.network)}
        {only('app', lookup.app)}
      </div>
    </Modal>
  )
}
