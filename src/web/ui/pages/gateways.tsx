import { useMemo, useState } from 'preact/hooks'
import type { FleetBan, FleetGap, FleetGateway } from '../../api/types.js'
import { filterGateways, toneOf } from '../../fleet.js'
import { urlOf } from '../../pages.js'
import { Badge, Facts, Field, Load, Modal, Title } from '../components.js'
import { Journal, Rings } from '../fleet-rings.js'
import { LongTable, type LongColumn } from '../long-table.js'
import { format, navigate, now, place, t, word } from '../state.js'
import { useApi } from '../use-api.js'

type Shown = FleetGateway & Partial<FleetGap>

export function Page() {
  const ban = place.value.parameters.get('ban') ?? ''
  const bans = useApi<{ readonly bans: readonly FleetBan[] }>('/fleet/bans', {}, 60)
  const all = useApi<{ readonly gateways: readonly FleetGateway[] }>(
    ban === '' ? '/fleet/gateways' : undefined,
    {},
    30
  )
  const gaps = useApi<{ readonly gateways: number; readonly without: readonly FleetGap[] }>(
    ban === '' ? undefined : `/fleet/bans/${encodeURIComponent(ban)}/without`,
    {},
    30
  )
  return (
    <>
      <Title text={t('page.gateways')}>
        <Field label={t('fleet.choose')}>
          <select
            data-input="ban"
            value={ban}
            onChange={event => navigate(urlOf('gateways', { ban: event.currentTarget.value }))}
          >
            <option value="">{t('fleet.chooseBan')}</option>
            {(bans.data?.bans ?? []).map(({ id, without }) => (
              <option key={id} value={id}>
                {id} ({format.value.count(without)})
              </option>
            ))}
          </select>
        </Field>
      </Title>
      {ban === '' ? (
        <>
          <Rings />
          <Load from={all}>{({ gateways }) => <Gateways gateways={gateways} />}</Load>
          <Journal />
        </>
      ) : (
        <Load from={gaps}>
          {({ gateways, without }) => (
            <>
              <p role="status" data-without={without.length}>
                {t('fleet.without', { n: without.length, all: format.value.count(gateways), ban })}
              </p>
              <Gateways gateways={without} />
            </>
          )}
        </Load>
      )}
    </>
  )
}

function Gateways({ gateways }: { readonly gateways: readonly Shown[] }) {
  const [filter, setFilter] = useState('')
  const [open, setOpen] = useState<Shown | undefined>(undefined)
  const rows = useMemo(() => filterGateways(gateways, filter), [gateways, filter])
  return (
    <>
      <div class="row ends">
        <Field label={t('fleet.filter')} wide>
          <input
            type="search"
            data-input="filter"
            spellcheck={false}
            value={filter}
            onInput={event => setFilter(event.currentTarget.value)}
          />
        </Field>
        <p class="note" role="status" data-gateways={rows.length}>
          {t('fleet.shown', { n: rows.length })}
        </p>
      </div>
      <LongTable
        kind="gateways"
        label={t('page.gateways')}
        rows={rows}
        columns={columnsFor(gateways.some(({ gap }) => gap !== undefined))}
        rowKey={({ name }) => name}
        onOpen={setOpen}
      />
      {open !== undefined && <Details gateway={open} onClose={() => setOpen(undefined)} />}
    </>
  )
}

const serialsOf = ({ active, wanted }: FleetGateway): string =>
  `${active ?? '–'} / ${wanted ?? '–'}`
const sinceOf = ({ since }: FleetGateway): string =>
  since === null ? '–' : format.value.dateTime(since)
const contactOf = ({ contact }: FleetGateway): string =>
  contact === null ? '–' : format.value.ago(contact, now.value)
const healthOf = ({ ready, problems }: FleetGateway): string =>
  ready === null ? '–' : problems.join(', ') || t(ready ? 'fleet.ready' : 'fleet.notReady')

const offsetOf = ({ clockOffsetMs }: FleetGateway): string =>
  format.value.milliseconds(clockOffsetMs)
function probeOf({ probe }: FleetGateway): string {
  if (probe === null) return '–'
  if (probe.failing > 0) return t('fleet.failing', { n: probe.failing })
  return probe.good === null ? '–' : format.value.ago(probe.good, now.value)
}

function StateBadge({ gateway }: { readonly gateway: FleetGateway }) {
  const { state, ready } = gateway
  const isUnready = state === 'running' && ready === false
  const text = isUnready ? t('fleet.notReady') : t(`fleet.state.${state}`)
  return <Badge tone={toneOf(gateway)}>{text}</Badge>
}

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
    { id: 'since', title: t('fleet.since'), cell: sinceOf },
    { id: 'program', title: t('system.version'), cell: ({ program }) => program ?? '–' },
    { id: 'probe', title: t('fleet.probe'), cell: probeOf },
    { id: 'offset', title: t('fleet.offset'), cell: offsetOf }
  ]
}

/** Everything that is known of a gateway. */
function Details({ gateway, onClose }: { readonly gateway: Shown; readonly onClose: () => void }) {
  const { name, ring, program, refused, contact, by, gap } = gateway
  return (
    <Modal title={name} onClose={onClose}>
      <Facts
        facts={[
          [t('state'), <StateBadge gateway={gateway} />],
          [t('fleet.gap'), gap === undefined ? null : word('gap', gap)],
          [t('fleet.ring'), ring],
          [t('fleet.serials'), serialsOf(gateway)],
          [t('fleet.since'), sinceOf(gateway)],
          [t('fleet.refused'), refused === null ? null : `${refused.message} (${refused.code})`],
          [t('fleet.health'), healthOf(gateway)],
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
