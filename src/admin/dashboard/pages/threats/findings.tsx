import { useState } from 'preact/hooks'
import type {
  Findings,
  FreshDomain,
  Mute,
  Tunnel
} from '../../../web/api/types/finding-responses.js'
import { periodOf } from '../../../web/explore-query.js'
import { urlOf } from '../../../web/pages.js'
import { Badge, Card, Facts, Failure, Load } from '../../components.js'
import { api, format, may, t } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'
import { MuteDialog, type Muted } from './mute-dialog.js'

/** What needs no feed: tunnels, and domains that the log has not had before. */
export function FindingCards() {
  const found = useApi<Findings>('/findings')
  const [muted, setMuted] = useState<Muted | undefined>(undefined)
  const { error, run } = useAction()
  const unmute = (id: string): void =>
    void run(async () => {
      await api.send('DELETE', `/findings/mutes/${id}`)
      found.reload()
    })
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <Card
        title={t('threats.tunnels')}
        aside={<span class="note">{t('threats.monitorOnly')}</span>}
      >
        <Load from={found}>
          {data =>
            data.known ? (
              <Tunnels tunnels={data.tunnels} onMute={setMuted} onUnmute={unmute} />
            ) : (
              <p data-findings="unknown">{t('threats.notKnown')}</p>
            )
          }
        </Load>
      </Card>
      <Card title={t('threats.fresh')} aside={<span class="note">{t('threats.freshNote')}</span>}>
        <Load from={found}>
          {({ newDomains, known }) =>
            known && newDomains.known ? (
              <Fresh domains={newDomains.items} onMute={setMuted} onUnmute={unmute} />
            ) : (
              <p>{t(known ? 'threats.shortLog' : 'threats.notKnown')}</p>
            )
          }
        </Load>
      </Card>
      {muted !== undefined && (
        <MuteDialog
          muted={muted}
          onClose={() => setMuted(undefined)}
          onDone={() => {
            setMuted(undefined)
            found.reload()
          }}
        />
      )}
    </>
  )
}

interface Actions {
  readonly onMute: (muted: Muted) => void
  readonly onUnmute: (id: string) => void
}

function Tunnels({ tunnels, ...actions }: Actions & { readonly tunnels: readonly Tunnel[] }) {
  const shown = tunnels.filter(({ mute }) => mute === null)
  return (
    <div class="stack" data-findings={shown.length}>
      {shown.length === 0 && <p class="faint">{t('threats.noTunnels')}</p>}
      {[...shown, ...tunnels.filter(({ mute }) => mute !== null)].map(tunnel => (
        <TunnelFacts key={`${tunnel.client} ${tunnel.domain}`} tunnel={tunnel} {...actions} />
      ))}
    </div>
  )
}

function TunnelFacts({ tunnel, ...actions }: Actions & { readonly tunnel: Tunnel }) {
  const { client, network, domain, lookups, blocked, names, types, signals, samples, mute } = tunnel
  const { value: f } = format
  const period = periodOf(Date.parse(tunnel.first), Date.parse(tunnel.last) + 1)
  const log = urlOf('log', { ...period, name: domain, client: client ?? '' })
  return (
    <section class="stack finding">
      <div class="row apart">
        <h3 class="break">
          {client === null ? (
            t('threats.noClient')
          ) : (
            <a href={urlOf('explore', { ...period, client })}>{client}</a>
          )}
          {' → '}
          <a href={log}>{domain}</a>
        </h3>
        <MuteButton kind="tunnel" domain={domain} client={client} mute={mute} {...actions} />
      </div>
      <MuteNote mute={mute} />
      {mute === null && (
        <>
          <div class="row" role="group" aria-label={t('threats.signals')}>
            {signals.map(signal => (
              <Badge key={signal} tone="warn">
                {t(`signal.${signal}`)}
              </Badge>
            ))}
          </div>
          <Facts
            isWide
            facts={[
              [t('filter.network'), network],
              [
                t('explore.names'),
                t('threats.perMinute', { n: names, most: f.count(tunnel.namesPerMinute) })
              ],
              [
                t('explore.lookups'),
                t('threats.ofThem', { n: lookups, blocked: f.count(blocked) })
              ],
              [t('threats.octets'), f.count(tunnel.octetsPerMinute)],
              [
                t('threats.length'),
                t('threats.lengthText', {
                  mean: f.count(Math.round(tunnel.meanLength)),
                  most: f.count(tunnel.longest)
                })
              ],
              [t('threats.entropy'), tunnel.entropy.toFixed(1)],
              [
                t('filter.type'),
                types
                  .slice(0, 4)
                  .map(one => `${one.type} ${f.count(one.lookups)}`)
                  .join(', ')
              ],
              [t('explore.firstSeen'), f.dateTime(tunnel.first)],
              [t('explore.last'), f.dateTime(tunnel.last)]
            ]}
          />
          <p class="note">
            {t('threats.samples')}: <code class="break">{samples[0]}</code>
          </p>
        </>
      )}
    </section>
  )
}

function Fresh({ domains, ...actions }: Actions & { readonly domains: readonly FreshDomain[] }) {
  const { value: f } = format
  const shown = domains.filter(({ mute }) => mute === null).slice(0, 25)
  const muted = domains.filter(({ mute }) => mute !== null)
  return (
    <Table
      id="fresh"
      label={t('threats.fresh')}
      none={t('threats.noFresh')}
      rows={[...shown, ...muted]}
      rowId={({ domain }) => domain}
      columns={[
        {
          title: t('name'),
          kind: 'break',
          cell: ({ domain, mute, first, last }) => (
            <>
              <a
                href={urlOf('log', {
                  ...periodOf(Date.parse(first), Date.parse(last) + 1),
                  name: domain
                })}
              >
                {domain}
              </a>
              <MuteNote mute={mute} />
            </>
          )
        },
        { title: t('explore.lookups'), kind: 'n', cell: ({ lookups }) => f.count(lookups) },
        { title: t('explore.clients'), kind: 'n', cell: ({ clients }) => f.count(clients) },
        { title: t('explore.firstSeen'), kind: 'date', cell: ({ first }) => f.dateTime(first) },
        {
          title: t('threats.firstClient'),
          cell: ({ client }) =>
            client === null ? '–' : <a href={urlOf('explore', { client })}>{client}</a>
        },
        {
          title: t('threats.mute'),
          isUntitled: true,
          kind: 'end',
          cell: ({ domain, mute }) => (
            <MuteButton kind="new-domain" domain={domain} client={null} mute={mute} {...actions} />
          )
        }
      ]}
    />
  )
}

function MuteNote({ mute }: { readonly mute: Mute | null }) {
  if (mute === null) return null
  const { reason, by, until } = mute
  return <p class="note">{t('threats.muted', { by, reason, until: format.value.day(until) })}</p>
}

function MuteButton({
  kind,
  domain,
  client,
  mute,
  onMute,
  onUnmute
}: Actions & Muted & { readonly mute: Mute | null }) {
  if (!may('operate')) return null
  const text = t(mute === null ? 'threats.mute' : 'threats.unmute')
  return (
    <button
      type="button"
      class="button small"
      aria-label={`${text}, ${client ?? ''} ${domain}`}
      onClick={() => (mute === null ? onMute({ kind, domain, client }) : onUnmute(mute.id))}
    >
      {text}
    </button>
  )
}
