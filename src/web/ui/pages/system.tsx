import { useState } from 'preact/hooks'
import { ApiError } from '../../api/client.js'
import type { Change, List, Machine, Page as Paged, Status } from '../../api/types.js'
import { daysLeft } from '../../format.js'
import { Alert, Badge, Card, Facts, Failure, Field, Load, Title } from '../components.js'
import { api, format, may, now, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'

const GOOD = new Set(['up', 'listening', 'good', 'local', 'current', 'fresh', 'ok'])
const toneOf = (state: string): string =>
  GOOD.has(state) ? 'good' : /down|dead|missing|expired|failing/.test(state) ? 'bad' : 'warn'

export function Page() {
  const status = useApi<Status>('/status', {}, 10)
  const machine = useApi<Machine>('/process', {}, 10)
  const lists = useApi<Paged<List>>('/lists', { limit: 1000 }, 60)
  return (
    <>
      <Title text={t('page.system')} />
      <Load from={status}>
        {data => (
          <>
            <Version status={data} machine={machine.data} />
            <div class="grid">
              <Workers status={data} />
              <LogPipeline status={data} />
            </div>
            <Upstreams status={data} />
            <Lists lists={lists} onChange={lists.reload} />
            <Certificates status={data} />
          </>
        )}
      </Load>
      {may('operate') && <Actions />}
      <Audit />
    </>
  )
}

function Version({
  status,
  machine
}: {
  readonly status: Status
  readonly machine: Machine | undefined
}) {
  const { value: f } = format
  const { version, started, listening, transport, rules, settings, cache } = status
  return (
    <Card title={t('system.gateway')}>
      <Facts
        isWide
        facts={[
          [t('system.version'), version],
          [t('system.host'), machine?.host],
          [t('system.started'), `${f.dateTime(started)} (${f.ago(started, now.value)})`],
          [
            t('system.listening'),
            listening
              .map(
                ({ address, port, protocol }) =>
                  `${address}:${port} ${protocol === 'dot' ? 'DoT' : 'DNS'}`
              )
              .join(', ')
          ],
          [t('system.transport'), transport],
          [
            t('rules'),
            t('system.rulesOf', {
              bans: rules.bans,
              rules: rules.rules,
              names: rules.names,
              networks: rules.networks
            })
          ],
          ['SHA-256', <code class="break">{rules.sha256}</code>],
          [
            t('system.bundle'),
            rules.bundle === null
              ? null
              : `${rules.bundle.serial}, ${t('bans.until')} ${f.day(rules.bundle.expires)}`
          ],
          [
            t('system.settings'),
            settings === null ? null : <code class="break">{settings.file}</code>
          ],
          [t('system.probe'), probeText(status)],
          [t('system.notProbed'), notProbed(status)],
          [t('system.restart'), settings?.restart.map(({ key }) => key).join(', ')],
          [
            t('system.memory'),
            machine === undefined
              ? null
              : `${f.bytes(machine.residentOctets)} / ${f.bytes(machine.memoryOctets)}`
          ],
          [
            t('system.cpu'),
            machine === undefined
              ? null
              : t('system.cpuOf', {
                  time: f.duration(machine.cpuSeconds),
                  cores: machine.cores,
                  load: machine.load.toFixed(2)
                })
          ],
          ['Node.js', machine?.node],
          [
            t('system.cache'),
            `${f.count(cache.answers.entries)} (${f.bytes(cache.answers.octets)} / ${f.bytes(cache.answers.limitOctets)})`
          ]
        ]}
      />
    </Card>
  )
}

/** Undefined: the gateway does not probe itself. */
function probeText({ probe }: Status): string | undefined {
  if (probe === null) return undefined
  const { everySeconds, failing, last, lastGood, bans } = probe
  const { value: f } = format
  const good = lastGood === null ? '–' : f.ago(lastGood, now.value)
  const asked = f.count(last?.asked ?? 0)
  const { all = 0, probed = 0 } = bans ?? {}
  const every = f.duration(everySeconds)
  return t('system.probeOf', { every, asked, good, failing, probed, bans: all })
}

/** What the gateway does not probe, and why; undefined: nothing. */
function notProbed({ probe }: Status): string | undefined {
  const lines = probe?.skipped.map(({ what, why }) => `${what}: ${why}`) ?? []
  return lines.length === 0 ? undefined : lines.join('; ')
}

function Workers({ status }: { readonly status: Status }) {
  return (
    <Card title={t('system.workers')}>
      <Table
        label={t('system.workers')}
        rows={status.workers}
        columns={[
          { title: '#', cell: ({ number }) => number },
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

function LogPipeline({ status }: { readonly status: Status }) {
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
            archive?.last?.at === undefined
              ? null
              : `${f.ago(archive.last.at, now.value)}: ${archive.last.outcome}`
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

function Upstreams({ status }: { readonly status: Status }) {
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

function Lists({
  lists,
  onChange
}: {
  readonly lists: ReturnType<typeof useApi<Paged<List>>>
  readonly onChange: () => void
}) {
  const [busy, setBusy] = useState('')
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const act = async (id: string, action: 'update' | 'confirm'): Promise<void> => {
    setBusy(id)
    setError(undefined)
    try {
      await api.send('POST', `/lists/${encodeURIComponent(id)}/${action}`)
    } catch (reason) {
      setError(reason as ApiError)
    }
    setBusy('')
    onChange()
  }
  return (
    <Card title={t('system.lists')}>
      {error !== undefined && <Failure error={error} />}
      <Load from={lists}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="faint">{t('system.noLists')}</p>
          ) : (
            <Table
              label={t('system.lists')}
              rows={items}
              columns={[
                { title: t('name'), cell: ({ id }) => id },
                {
                  title: t('state'),
                  cell: ({ state, error }) => (
                    <>
                      <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
                      {error !== null && <p class="note break">{error.message}</p>}
                    </>
                  )
                },
                {
                  title: t('system.entries'),
                  kind: 'n',
                  cell: ({ entries }) => format.value.count(entries)
                },
                {
                  title: t('system.age'),
                  cell: ({ fetched }) =>
                    fetched === null ? '–' : format.value.ago(fetched, now.value)
                },
                { title: t('system.source'), kind: 'break', cell: ({ source }) => source },
                {
                  title: t('system.actions'),
                  isUntitled: true,
                  kind: 'end',
                  cell: ({ id, state }) =>
                    may('operate') &&
                    state !== 'local' && (
                      <button
                        type="button"
                        class="button small"
                        disabled={busy === id}
                        onClick={() => void act(id, state === 'quarantined' ? 'confirm' : 'update')}
                      >
                        {t(state === 'quarantined' ? 'system.confirm' : 'system.update')}
                      </button>
                    )
                }
              ]}
            />
          )
        }
      </Load>
    </Card>
  )
}

function Certificates({ status }: { readonly status: Status }) {
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

function Actions() {
  const [name, setName] = useState('')
  const [hasSubtree, setSubtree] = useState(false)
  const [done, setDone] = useState('')
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const act = async (work: () => Promise<string>): Promise<void> => {
    setError(undefined)
    setDone('')
    try {
      setDone(await work())
    } catch (reason) {
      setError(reason as ApiError)
    }
  }
  const flush = (event: Event): void => {
    event.preventDefault()
    void act(async () => {
      const result = await api.send<{ dropped: number }>('POST', '/cache/flush', {
        name,
        subtree: hasSubtree
      })
      return t('system.flushed', { n: result!.dropped })
    })
  }
  const reload = (): void =>
    void act(async () => {
      const result = await api.send<{ outcome: string }>('POST', '/rules/reload')
      return word('outcomeOf', result!.outcome)
    })
  return (
    <Card title={t('system.actions')}>
      {error !== undefined && <Failure error={error} />}
      <p role="status">{done !== '' && <Badge tone="good">{done}</Badge>}</p>
      <form class="row ends" onSubmit={flush}>
        <Field label={t('system.flush')} wide>
          <input
            required
            value={name}
            placeholder="www.example.com"
            spellcheck={false}
            onInput={event => setName(event.currentTarget.value)}
          />
        </Field>
        <label class="row check">
          <input
            type="checkbox"
            checked={hasSubtree}
            onChange={event => setSubtree(event.currentTarget.checked)}
          />
          <span>{t('system.subtree')}</span>
        </label>
        <button class="button">{t('system.flushNow')}</button>
        <button type="button" class="button" onClick={reload}>
          {t('system.reload')}
        </button>
      </form>
    </Card>
  )
}

function Audit() {
  const changes = useApi<Paged<Change>>('/changes', { limit: 100 }, 30)
  return (
    <Card title={t('system.audit')}>
      <Load from={changes}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="faint">{t('system.noChanges')}</p>
          ) : (
            <Table
              id="audit"
              label={t('system.audit')}
              hasHeadings={false}
              rows={items}
              columns={[
                { title: t('time'), cell: ({ at }) => format.value.dateTime(at) },
                { title: t('system.by'), cell: ({ by }) => by ?? t('system.file') },
                { title: t('system.what'), cell: ({ operation }) => word('operation', operation) },
                {
                  title: t('system.subject'),
                  kind: 'break',
                  cell: ({ subject }) => <code>{subject}</code>
                },
                {
                  title: t('system.result'),
                  cell: ({ code }) => (
                    <Badge tone={code === null ? 'good' : 'bad'}>{code ?? t('system.done')}</Badge>
                  )
                }
              ]}
            />
          )
        }
      </Load>
    </Card>
  )
}
