import { useState } from 'preact/hooks'
import { ApiError } from '../../api/client.js'
import type { Change, List, Machine, Page as Paged, Status } from '../../api/types.js'
import { daysLeft } from '../../format.js'
import { Alert, Badge, Card, Facts, Failure, Field, Load, Scroll, Title } from '../components.js'
import { api, format, may, now, t, word } from '../state.js'
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

function Workers({ status }: { readonly status: Status }) {
  return (
    <Card title={t('system.workers')}>
      <Scroll label={t('system.workers')}>
        <table>
          <thead>
            <tr>
              <th scope="col">#</th>
              <th scope="col">{t('state')}</th>
              <th scope="col">{t('system.since')}</th>
              <th scope="col" class="n">
                {t('system.restarts')}
              </th>
              <th scope="col" class="n">
                {t('system.generation')}
              </th>
            </tr>
          </thead>
          <tbody>
            {status.workers.map(({ number, state, since, restarts, generation }) => (
              <tr key={number}>
                <th scope="row">{number}</th>
                <td>
                  <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
                </td>
                <td>{since === null ? '–' : format.value.ago(since, now.value)}</td>
                <td class="n">{restarts}</td>
                <td class="n">{generation}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
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
        <Scroll label={t('system.outputs')}>
          <table>
            <caption>{t('system.outputs')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('name')}</th>
                <th scope="col">{t('state')}</th>
                <th scope="col" class="n">
                  {t('system.sent')}
                </th>
                <th scope="col" class="n">
                  {t('system.waiting')}
                </th>
              </tr>
            </thead>
            <tbody>
              {outputs.map(({ name, connected, sent, waitingOctets }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>
                    <Badge tone={connected ? 'good' : 'bad'}>
                      {t(connected ? 'system.connected' : 'system.disconnected')}
                    </Badge>
                  </td>
                  <td class="n">{f.count(sent)}</td>
                  <td class="n">{f.bytes(waitingOctets)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Card>
  )
}

function Upstreams({ status }: { readonly status: Status }) {
  return (
    <Card title={t('tile.upstreams')}>
      <Scroll label={t('tile.upstreams')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('system.address')}</th>
              <th scope="col">{t('state')}</th>
              <th scope="col" class="n">
                {t('system.roundTrip')}
              </th>
              <th scope="col">{t('system.encryption')}</th>
              <th scope="col">{t('system.error')}</th>
            </tr>
          </thead>
          <tbody>
            {status.upstreams.map(({ address, state, roundTripMs, encryption, error }) => (
              <tr key={address}>
                <th scope="row">
                  <code>{address}</code>
                </th>
                <td>
                  <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
                </td>
                <td class="n">{format.value.milliseconds(roundTripMs)}</td>
                <td>{encryption === 'none' ? '–' : encryption}</td>
                <td class="break">{error ?? '–'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
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
            <Scroll label={t('system.lists')}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">{t('name')}</th>
                    <th scope="col">{t('state')}</th>
                    <th scope="col" class="n">
                      {t('system.entries')}
                    </th>
                    <th scope="col">{t('system.age')}</th>
                    <th scope="col">{t('system.source')}</th>
                    <th scope="col">
                      <span class="hide">{t('system.actions')}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {items.map(({ id, state, entries, fetched, source, error }) => (
                    <tr key={id}>
                      <th scope="row">{id}</th>
                      <td>
                        <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
                        {error !== null && <p class="note break">{error.message}</p>}
                      </td>
                      <td class="n">{format.value.count(entries)}</td>
                      <td>{fetched === null ? '–' : format.value.ago(fetched, now.value)}</td>
                      <td class="break">{source}</td>
                      <td class="end">
                        {may('operate') && state !== 'local' && (
                          <button
                            type="button"
                            class="button small"
                            disabled={busy === id}
                            onClick={() =>
                              void act(id, state === 'quarantined' ? 'confirm' : 'update')
                            }
                          >
                            {t(state === 'quarantined' ? 'system.confirm' : 'system.update')}
                          </button>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
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
      <Scroll label={t('system.certificates')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('name')}</th>
              <th scope="col">{t('bans.until')}</th>
              <th scope="col">{t('state')}</th>
            </tr>
          </thead>
          <tbody>
            {certificates.map(({ name, expires }) => {
              const days = daysLeft(expires, now.value)
              return (
                <tr key={name}>
                  <th scope="row" class="break">
                    {name}
                  </th>
                  <td>{format.value.day(expires)}</td>
                  <td>
                    <Badge tone={days < 0 ? 'bad' : days <= 14 ? 'warn' : 'good'}>
                      {days < 0 ? word('state', 'expired') : t('daysLeft', { n: days })}
                    </Badge>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Scroll>
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
            <Scroll label={t('system.audit')}>
              <table data-table="audit">
                <thead>
                  <tr>
                    <th scope="col">{t('time')}</th>
                    <th scope="col">{t('system.by')}</th>
                    <th scope="col">{t('system.what')}</th>
                    <th scope="col">{t('system.subject')}</th>
                    <th scope="col">{t('system.result')}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map(({ at, by, operation, subject, code }, i) => (
                    <tr key={i}>
                      <td>{format.value.dateTime(at)}</td>
                      <td>{by ?? t('system.file')}</td>
                      <td>{word('operation', operation)}</td>
                      <td class="break">
                        <code>{subject}</code>
                      </td>
                      <td>
                        {code === null ? (
                          <Badge tone="good">{t('system.done')}</Badge>
                        ) : (
                          <Badge tone="bad">{code}</Badge>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )
        }
      </Load>
    </Card>
  )
}
