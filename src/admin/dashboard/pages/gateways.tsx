import { useEffect, useRef, useState } from 'preact/hooks'
import type {
  FleetBan,
  FleetGap,
  FleetGapPage,
  FleetGateway,
  FleetPage
} from '../../web/api/types/fleet-responses.js'
import { toneOf } from '../../web/gateway-tone.js'
import { urlOf } from '../../web/pages.js'
import { Badge, Facts, Failure, Field, Load, Modal, Select, Title } from '../components.js'
import { Empty } from '../empty.js'
import { Journal, Rings } from '../fleet-rings.js'
import { LongTable, type LongColumn } from '../long-table.js'
import { format, navigate, now, place, t, word } from '../state.js'
import { useApi } from '../use-api.js'

type Shown = FleetGateway & Partial<FleetGap>

/** Rows that are read beyond those in view: scrolling asks again after as many. */
const STEP = 100

export function Page() {
  const ban = place.value.parameters.get('ban') ?? ''
  const bans = useApi<{ readonly bans: readonly FleetBan[] }>('/fleet/bans', {}, 60)
  const [changes, setChanges] = useState(0)
  const chosen = bans.data?.bans.find(({ id }) => id === ban)
  // Without a hub all parts of the page would say the same.
  if (bans.data === undefined && bans.error !== undefined)
    return (
      <>
        <Title text={t('page.gateways')} />
        <Failure error={bans.error} />
      </>
    )
  return (
    <>
      <Title text={t('page.gateways')}>
        <Select
          label={t('fleet.choose')}
          name="ban"
          value={ban}
          options={[
            ['', t('fleet.chooseBan')],
            ...(bans.data?.bans ?? []).map(
              ({ id, without }) => [id, `${id} (${format.value.count(without)})`] as const
            )
          ]}
          onChange={chosen => navigate(urlOf('gateways', { ban: chosen }))}
        />
      </Title>
      {ban === '' && <Rings onChange={() => setChanges(one => one + 1)} />}
      {chosen !== undefined && (
        <p role="status" data-without={chosen.without}>
          {t('fleet.without', {
            ...{ n: chosen.without, ban },
            all: format.value.count(chosen.gateways)
          })}
        </p>
      )}
      <Gateways key={ban} ban={ban} />
      {ban === '' && <Journal key={changes} />}
    </>
  )
}

/** Gateways, or those that do not enforce a ban; the hub selects them, and only rows near those in view are read. */
function Gateways({ ban }: { readonly ban: string }) {
  const [text, setText] = useState('')
  const [filter, setFilter] = useState('')
  const [offset, setOffset] = useState(0)
  const [open, setOpen] = useState<Shown | undefined>(undefined)
  useEffect(() => {
    const timer = setTimeout(() => setFilter(text.trim()), 150)
    return () => clearTimeout(timer)
  }, [text])
  const path = ban === '' ? '/fleet/gateways' : `/fleet/bans/${encodeURIComponent(ban)}/without`
  const query = { filter, order: 'problems', limit: 2 * STEP, offset }
  const found = useApi<FleetPage | FleetGapPage>(path, query, 30)
  const last = useRef(found.data)
  if (found.data !== undefined) last.current = found.data
  return (
    <Load from={{ ...found, data: last.current }}>
      {page => {
        const rows: readonly Shown[] = 'without' in page ? page.without : page.gateways
        return (
          <>
            <div class="row ends">
              <Field label={t('fleet.filter')} wide>
                <input
                  type="search"
                  data-input="filter"
                  spellcheck={false}
                  maxLength={200}
                  value={text}
                  onInput={event => setText(event.currentTarget.value)}
                />
              </Field>
              <p class="note" role="status" data-gateways={page.total}>
                {t('fleet.shown', { n: page.total })}
              </p>
            </div>
            {page.total === 0 && ban === '' && filter === '' && (
              <Empty title={t('empty.gateways')}>
                <p class="note">{t('empty.gatewaysText')}</p>
                <pre class="note">interdict fleet token NAME</pre>
              </Empty>
            )}
            {page.total > 0 && (
              <LongTable
                key={filter}
                kind="gateways"
                label={t('page.gateways')}
                count={page.total}
                rowAt={index => rows[index - page.offset]}
                columns={columnsFor(ban !== '')}
                rowKey={({ name }) => name}
                rowLabel={gateway => `${gateway.name}, ${stateOf(gateway)}`}
                onOpen={setOpen}
                onRange={first => setOffset(Math.floor(first / STEP) * STEP)}
              />
            )}
            {open !== undefined && <Details gateway={open} onClose={() => setOpen(undefined)} />}
          </>
        )
      }}
    </Load>
  )
}

const serialsOf = ({ active, wanted }: FleetGateway): string =>
  `${active ?? '–'} / ${wanted ?? '–'}`
const sinceOf = ({ since }: FleetGateway): string =>
  since === null ? '–' : format.value.dateTime(since)
const contactOf = ({ contact }: FleetGateway): string =>
  contact === null ? '–' : format.value.ago(contact, now.value)
const refusalOf = ({ refused }: FleetGateway): string | null =>
  refused === null ? null : `${refused.message} (${refused.code})`
/** Why it needs somebody. */
const healthOf = (gateway: FleetGateway): string =>
  (gateway.state === 'refusing' ? refusalOf(gateway) : null) ?? readinessOf(gateway)
const readinessOf = ({ ready, problems }: FleetGateway): string =>
  ready === null
    ? '–'
    : problems.map(code => word('problem', code)).join(', ') ||
      t(ready ? 'fleet.ready' : 'fleet.notReady')

/** The version of its root of trust; a newer one that it refuses, with the reason. */
function rootOf({ trust }: FleetGateway): string {
  if (trust === null) return '–'
  const root = trust.root === null ? t('fleet.noRoot') : String(trust.root)
  return trust.refused === null ? root : `${root}: ${trust.refused.message} (${trust.refused.code})`
}

const offsetOf = ({ clockOffsetMs }: FleetGateway): string =>
  format.value.milliseconds(clockOffsetMs)
function probeOf({ probe }: FleetGateway): string {
  if (probe === null) return '–'
  if (probe.failing > 0) return t('fleet.failing', { n: probe.failing })
  return probe.good === null ? '–' : format.value.ago(probe.good, now.value)
}

const stateOf = ({ state, ready }: FleetGateway): string =>
  state === 'running' && ready === false ? t('fleet.notReady') : t(`fleet.state.${state}`)

const StateBadge = ({ gateway }: { readonly gateway: FleetGateway }) => (
  <Badge tone={toneOf(gateway)}>{stateOf(gateway)}</Badge>
)

function columnsFor(hasGaps: boolean): readonly LongColumn<Shown>[] {
  const reason = ({ gap = '' }: Shown): string => word('gap', gap)
  return [
    { id: 'name', title: t('name'), cell: ({ name }) => name, full: ({ name }) => name },
    { id: 'state', title: t('state'), cell: gateway => <StateBadge gateway={gateway} /> },
    { id: 'ring', title: t('fleet.ring'), cell: ({ ring }) => ring },
    { id: 'serial', title: t('fleet.serials'), cell: serialsOf },
    hasGaps
      ? { id: 'health', title: t('fleet.gap'), cell: reason, full: reason }
      : { id: 'health', title: t('fleet.health'), cell: healthOf, full: healthOf },
    { id: 'contact', title: t('fleet.contact'), cell: contactOf },
    { id: 'root', title: t('fleet.root'), cell: rootOf, full: rootOf },
    { id: 'since', title: t('fleet.since'), cell: sinceOf },
    { id: 'program', title: t('system.version'), cell: ({ program }) => program ?? '–' },
    { id: 'probe', title: t('fleet.probe'), cell: probeOf },
    { id: 'offset', title: t('fleet.offset'), cell: offsetOf }
  ]
}

/** Everything that is known of a gateway. */
function Details({ gateway, onClose }: { readonly gateway: Shown; readonly onClose: () => void }) {
  const { name, ring, program, contact, by, gap } = gateway
  return (
    <Modal title={name} onClose={onClose}>
      <Facts
        facts={[
          [t('state'), <StateBadge gateway={gateway} />],
          [t('fleet.gap'), gap === undefined ? null : word('gap', gap)],
          [t('fleet.ring'), ring],
          [t('fleet.serials'), serialsOf(gateway)],
          [t('fleet.since'), sinceOf(gateway)],
          [t('fleet.root'), rootOf(gateway)],
          [t('fleet.refused'), refusalOf(gateway)],
          [t('fleet.health'), readinessOf(gateway)],
          [t('system.version'), program],
          [t('fleet.contact'), contact === null ? '–' : format.value.dateTime(contact)],
          [t('fleet.probe'), probeOf(gateway)],
          [t('fleet.offset'), offsetOf(gateway)],
          [t('fleet.by'), by === null ? null : by.toUpperCase()]
        ]}
      />
    </Modal>
  )
}
