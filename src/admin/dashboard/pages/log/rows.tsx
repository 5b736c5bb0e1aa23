import { useState } from 'preact/hooks'
import type { Lookup } from '../../../web/api/types/log-responses.js'
import { wholeSecond } from '../../../web/locale-format.js'
import type { FilterName, Filters } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { Facts, Modal, Verdict } from '../../components.js'
import { DeviceFacts, hasDevice } from '../../device.js'
import { LongTable, type LongColumn } from '../../long-table.js'
import { format, t, word } from '../../state.js'

/** What lookups are chosen by, and what changes that. */
export interface View {
  readonly filters: Filters
  readonly go: (filters: Filters) => void
}

interface RowsProps extends View {
  readonly items: readonly Lookup[]
  readonly isLive?: boolean
  readonly onEnd?: () => void
}

function ruleOf(lookup: Lookup): string {
  const { ban, exception, allow, block, app, list } = lookup
  return [app ?? list, ban ?? exception ?? allow ?? block]
    .filter(one => one !== undefined)
    .join(' · ')
}

export function Rows({ items, filters, go, isLive = false, onEnd }: RowsProps) {
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
        rowLabel={rowLabel}
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
    column(
      'client',
      ({ client }) => client ?? '–',
      ({ client = '' }) => client
    ),
    column(
      'network',
      ({ network }) => network ?? '–',
      ({ network = '' }) => network
    ),
    column('rule', ruleOf, ruleOf)
  ]
}

const rowLabel = ({ time, qname, verdict }: Lookup): string =>
  `${timeOf(time)}, ${qname}, ${word('verdict', verdict)}`

function timeOf(time: string): string {
  const today = new Date().toDateString() === new Date(time).toDateString()
  return today ? format.value.second(time) : `${format.value.day(time)} ${format.value.time(time)}`
}

const IS_ADDRESS = /^[0-9a-f.:]+$/i

const shown = (name: string, value: string | number | undefined): string =>
  name === 'us'
    ? format.value.milliseconds(Number(value) / 1000)
    : name === 'match'
      ? word('match', String(value))
      : String(value)

/** What few look for stands last. */
const LAST = new Set(['generation', 'sha256', 'serial'])

/** Everything that is known of a lookup. */
function Details({
  lookup,
  filters,
  go,
  onClose
}: View & { readonly lookup: Lookup; readonly onClose: () => void }) {
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
  const fields = Object.entries(lookup)
    .filter(([name]) => name !== 'v' && name !== 'time' && name !== 'verdict')
    .toSorted(([a], [b]) => Number(LAST.has(a)) - Number(LAST.has(b)))
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
        <AddLinks lookup={lookup} />
        {ban !== undefined && (
          <a class="button" href={urlOf('bans', { id: ban })}>
            {t('why.showBan')}
          </a>
        )}
      </div>
      <Facts
        facts={fields.map(
          ([name, value]) =>
            [word('field', name), <span class="break">{shown(name, value)}</span>] as const
        )}
      />
      {hasDevice(client, lookup.privacy) && (
        <section class="stack" data-section="device">
          <h3>{t('device')}</h3>
          <DeviceFacts address={client} time={time} />
        </section>
      )}
      <div class="row">
        {only('client', client)}
        {only('name', `=${qname}`)}
        {only('network', lookup.network)}
        {only('app', lookup.app)}
        {only('list', lookup.list)}
        <ExploreLinks
          client={lookup.device === undefined ? client : String(lookup.device)}
          name={qname}
          isDevice={lookup.device !== undefined}
        />
      </div>
    </Modal>
  )
}

/** The pages of the client and of the name. */
function ExploreLinks({
  client,
  name,
  isDevice
}: {
  readonly client: string | undefined
  readonly name: string
  readonly isDevice: boolean
}) {
  return (
    <>
      {client !== undefined && (
        <a
          class="button small"
          href={urlOf('explore', { [isDevice ? 'device' : 'client']: client })}
        >
          {t('link.exploreClient')}
        </a>
      )}
      <a class="button small" href={urlOf('explore', { name: `=${name}` })}>
        {t('link.exploreName')}
      </a>
    </>
  )
}

/** Opens the form for what can be done about a lookup. */
function AddLinks({ lookup }: { readonly lookup: Lookup }) {
  const { qname, client, network, app, verdict, ban } = lookup
  // A pseudonym is not the address of a device.
  const address = client !== undefined && IS_ADDRESS.test(client) ? client : undefined
  const about = { name: `=${qname}`, network, client: address }
  if (network === undefined) return null
  if (verdict !== 'blocked' && verdict !== 'monitored')
    return (
      <a class="button" href={urlOf('change', { add: 'block', name: qname, network })}>
        {t('add.block')}
      </a>
    )
  if (ban !== undefined)
    return (
      <a class="button" href={urlOf('change', { add: 'exception', ...about, app })}>
        {t('add.exception')}
      </a>
    )
  return (
    <a class="button" href={urlOf('change', { add: 'allow', ...about })}>
      {t('add.allow')}
    </a>
  )
}
