import type { Status } from '../../../web/api/types/status-responses.js'
import { daysLeft } from '../../../web/locale-format.js'
import { Alert, Badge, Card, Facts } from '../../components.js'
import { format, now, t, word } from '../../state.js'
import { Table } from '../../table.js'

const GOOD = new Set(['up', 'listening', 'good', 'local', 'current', 'fresh', 'ok'])
export const toneOf = (state: string): string =>
  GOOD.has(state) ? 'good' : /down|dead|missing|expired|failing/.test(state) ? 'bad' : 'warn'

export function Workers({ status }: { readonly status: Status }) {
  return (
    <Card title={t('system.workers')}>
      <Table
        label={t('system.workers')}
        rows={status.workers}
        columns={[
          { title: '#', isUntitled: true, cell: ({ number }) => `#${number}` },
          {
            title: t('state'),
            cell: ({ state }) => <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
          },
          {
            title: t('system.since'),
            kind: 'date',
            cell: ({ since }) => (since === null ? '–' : format.value.ago(since, now.value))
          },
          { title: t('system.restarts'), kind: 'n', cell: ({ restarts }) => restarts },
          { title: t('system.generation'), kind: 'n', cell: ({ generation }) => generation }
        ]}
      />
    </Card>
  )
}

export function LogPipeline({ status }: { readonly status: Status }) {
  const { recorder, archive } = status
  const { value: f } = format
  if (recorder === null) return <Alert tone="bad" title={t('system.noRecorder')} />
  const { outputs } = recorder
  return (
    <Card
      title={t('system.log')}
      aside={
        <Badge tone={recorder.writable ? 'good' : 'bad'}>
          {t(recorder.writable ? 'system.writable' : 'system.unwritable')}
        </Badge>
      }
    >
      <Facts
        facts={[
          [t('system.written'), f.count(recorder.written)],
          [t('system.dropped'), f.count(recorder.dropped)],
          [t('system.lost'), f.count(recorder.lost)],
          [t('system.stored'), archive?.stored == null ? null : f.bytes(archive.stored.octets)],
          [t('system.free'), archive?.freeOctets == null ? null : f.bytes(archive.freeOctets)],
          [
            t('system.archived'),
            archive?.last?.at === undefined ? null : f.ago(archive.last.at, now.value)
          ]
        ]}
      />
      {outputs.length > 0 && (
        <Table
          label={t('system.outputs')}
          caption={t('system.outputs')}
          rows={outputs}
          columns={[
            { title: t('name'), cell: ({ name }) => name },
            {
              title: t('state'),
              cell: ({ connected }) => (
                <Badge tone={connected ? 'good' : 'bad'}>
                  {t(connected ? 'system.connected' : 'system.disconnected')}
                </Badge>
              )
            },
            { title: t('system.sent'), kind: 'n', cell: ({ sent }) => f.count(sent) },
            {
              title: t('system.waiting'),
              kind: 'n',
              cell: ({ waitingOctets }) => f.bytes(waitingOctets)
            }
          ]}
        />
      )}
    </Card>
  )
}

export function Upstreams({ status }: { readonly status: Status }) {
  return (
    <Card title={t('tile.upstreams')}>
      <Table
        label={t('tile.upstreams')}
        rows={status.upstreams}
        columns={[
          { title: t('system.address'), cell: ({ address }) => <code>{address}</code> },
          {
            title: t('state'),
            cell: ({ state }) => <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
          },
          {
            title: t('system.roundTrip'),
            kind: 'n',
            cell: ({ roundTripMs }) => format.value.milliseconds(roundTripMs)
          },
          {
            title: t('system.encryption'),
            cell: ({ encryption }) => (encryption === 'none' ? '–' : encryption)
          },
          { title: t('system.error'), kind: 'break', cell: ({ error }) => error ?? '–' }
        ]}
      />
    </Card>
  )
}

export function Certificates({ status }: { readonly status: Status }) {
  const { certificates } = status
  if (certificates.length === 0) return null
  return (
    <Card title={t('system.certificates')}>
      <Table
        label={t('system.certificates')}
        rows={certificates}
        columns={[
          { title: t('name'), kind: 'break', cell: ({ name }) => name },
          { title: t('bans.until'), cell: ({ expires }) => format.value.day(expires) },
          {
            title: t('state'),
            cell: ({ expires }) => {
              const days = daysLeft(expires, now.value)
              return (
                <Badge tone={days < 0 ? 'bad' : days <= 14 ? 'warn' : 'good'}>
                  {days < 0 ? word('state', 'expired') : t('daysLeft', { n: days })}
                </Badge>
              )
            }
          }
        ]}
      />
    </Card>
  )
}
