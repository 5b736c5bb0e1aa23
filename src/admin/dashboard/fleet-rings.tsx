import { useState } from 'preact/hooks'
import type { FleetEvent, FleetRing, FleetRings } from '../web/api/types/fleet-responses.js'
import { Alert, Badge, Card, Failure, Field, Load, Modal } from './components.js'
import { api, format, fromHub, may, t } from './state.js'
import { Table } from './table.js'
import { useAction, useApi } from './use-api.js'

const PHASE_TONES = { soaking: 'warn', done: 'good', halted: 'bad' } as const
/** Events that are shown; the hub has more. */
const MAX_EVENTS = 100

type Action = 'promote' | 'halt'

/** The rings, and what those who may change the policy can do with them. */
export function Rings({ onChange }: { readonly onChange: () => void }) {
  const rings = useApi<FleetRings>('/fleet/rings', {}, 10)
  const [asked, setAsked] = useState<{ ring: string; action: Action } | undefined>(undefined)
  const button = (ring: string, action: Action) => (
    <button
      type="button"
      class="button small"
      aria-label={`${t(`fleet.${action}`)}, ${ring}`}
      onClick={() => setAsked({ ring, action })}
    >
      {t(`fleet.${action}`)}
    </button>
  )
  const f = format.value
  return (
    <Card title={t('fleet.rings')}>
      <Load from={rings}>
        {({ nats, rings: all }) => (
          <>
            {!nats.connected && (
              <Alert tone="bad" title={t('fleet.natsDown')}>
                <p class="break">{nats.error}</p>
              </Alert>
            )}
            <Table
              id="rings"
              label={t('fleet.rings')}
              rows={all}
              rowId={({ ring }) => ring}
              columns={[
                { title: t('fleet.ring'), cell: ({ ring }) => ring },
                { title: t('fleet.bundle'), kind: 'n', cell: ({ serial }) => serial ?? '–' },
                { title: t('state'), cell: ring => <Phase ring={ring} /> },
                {
                  title: t('fleet.running'),
                  kind: 'date',
                  cell: ({ running, gateways }) =>
                    t('fleet.of', { n: f.count(running), all: f.count(gateways) })
                },
                { title: t('fleet.notReady'), kind: 'n', cell: ({ notReady }) => notReady },
                {
                  title: t('report.blocked'),
                  cell: ({ shares, before }) =>
                    shares.blocked === null
                      ? '–'
                      : t('fleet.shareBefore', {
                          now: f.share(shares.blocked),
                          before: f.share(before.blocked)
                        })
                },
                { title: t('fleet.forecast'), cell: ring => <Expected ring={ring} /> },
                {
                  title: t('system.actions'),
                  isUntitled: true,
                  kind: 'end',
                  cell: ({ ring, serial, phase }, index) =>
                    may('policy') && (
                      <span class="row">
                        {index > 0 && button(ring, 'promote')}
                        {serial !== null && phase !== 'halted' && button(ring, 'halt')}
                      </span>
                    )
                }
              ]}
            />
          </>
        )}
      </Load>
      {asked !== undefined && (
        <Confirm
          {...asked}
          onClose={hasChanged => {
            setAsked(undefined)
            if (!hasChanged) return
            rings.reload()
            onChange()
          }}
        />
      )}
    </Card>
  )
}

function Phase({ ring: { phase, why } }: { readonly ring: FleetRing }) {
  if (phase === null) return <>–</>
  return (
    <>
      <Badge tone={PHASE_TONES[phase]}>{t(`fleet.phase.${phase}`)}</Badge>
      {why !== null && <p class="note break">{fromHub(why)}</p>}
    </>
  )
}

function Expected({ ring: { forecast } }: { readonly ring: FleetRing }) {
  if (forecast === null) return <>–</>
  const { lookups, newlyBlocked, newlyAllowed, names } = forecast
  const { value: f } = format
  return (
    <>
      {t('fleet.forecastOf', {
        blocked: f.count(newlyBlocked),
        allowed: f.count(newlyAllowed),
        lookups: f.count(lookups)
      })}
      {names.length > 0 && (
        <p class="note break">
          {names
            .slice(0, 3)
            .map(({ what }) => what)
            .join(', ')}
        </p>
      )}
    </>
  )
}

function Confirm({
  ring,
  action,
  onClose
}: {
  readonly ring: string
  readonly action: Action
  readonly onClose: (hasChanged: boolean) => void
}) {
  const [reason, setReason] = useState('')
  const { error, run } = useAction()
  const act = async (): Promise<void> => {
    const body = action === 'halt' ? { reason } : undefined
    await api.send('POST', `/fleet/rings/${encodeURIComponent(ring)}/${action}`, body)
    onClose(true)
  }
  return (
    <Modal title={`${t(`fleet.${action}`)} · ${ring}`} onClose={() => onClose(false)}>
      {error !== undefined && <Failure error={error} />}
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void run(act)
        }}
      >
        <p>{t(`fleet.confirm.${action}`)}</p>
        <div class="row ends">
          {action === 'halt' && (
            <Field label={t('fleet.reason')} wide>
              <input
                required
                maxLength={500}
                value={reason}
                onInput={event => setReason(event.currentTarget.value)}
              />
            </Field>
          )}
          <button class="button main">{t(`fleet.${action}`)}</button>
        </div>
      </form>
    </Modal>
  )
}

/** Who published, promoted, halted, enrolled and revoked. */
export function Journal() {
  const journal = useApi<{ readonly events: readonly FleetEvent[] }>('/fleet/events', {}, 30)
  return (
    <Card title={t('fleet.journal')}>
      <Load from={journal}>
        {({ events }) => (
          <Table
            id="journal"
            label={t('fleet.journal')}
            hasHeadings={false}
            rows={events.toReversed().slice(0, MAX_EVENTS)}
            columns={[
              { title: t('time'), kind: 'date', cell: ({ at }) => format.value.dateTime(at) },
              { title: t('system.by'), cell: ({ by }) => by },
              { title: t('system.what'), kind: 'break', cell: ({ what }) => fromHub(what) }
            ]}
          />
        )}
      </Load>
    </Card>
  )
}
