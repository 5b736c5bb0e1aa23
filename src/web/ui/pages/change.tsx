import { useEffect, useMemo, useState } from 'preact/hooks'
import { ApiError, type Upload } from '../../api/client.js'
import type { Block, Checked, Page as List } from '../../api/types.js'
import { changedFiles, changesIn, impactIn, rulesPath } from '../../folder.js'
import { Alert, Badge, Bars, Card, Failure, Field, Load, Tabs, Title } from '../components.js'
import { api, format, may, t, word } from '../state.js'
import { Table } from '../table.js'
import { useApi } from '../use-api.js'

const FOLDER = 'application/vnd.interdict.rules+json'
const BUNDLE = 'application/octet-stream'

export function Page() {
  return (
    <>
      <Title text={t('page.change')} />
      <p class="faint">{t('change.intro')}</p>
      <Candidate />
      <Pauses />
      {may('policy') && <Activate />}
    </>
  )
}

interface RuleFiles {
  readonly bundle: boolean
  readonly files: readonly {
    readonly path: string
    readonly size: number
    readonly text: string | null
  }[]
}

/** What is to be checked: a bundle, a whole folder, or some changed files. */
interface Proposal {
  readonly upload: Upload
  readonly base: 'none' | 'active'
  readonly summary: string
  /** Whether it can be packed: it is not a bundle already. */
  readonly isFolder: boolean
}

function Candidate() {
  const [mode, setMode] = useState<'upload' | 'edit'>('upload')
  const [proposal, setProposal] = useState<Proposal | undefined>(undefined)
  return (
    <Card
      title={t('change.candidate')}
      aside={
        <Tabs
          label={t('change.how')}
          value={mode}
          options={[
            ['upload', t('change.upload')],
            ['edit', t('change.edit')]
          ]}
          onChange={next => {
            setMode(next)
            setProposal(undefined)
          }}
        />
      }
    >
      {mode === 'upload' ? <Choose onChosen={setProposal} /> : <Edit onChosen={setProposal} />}
      {proposal !== undefined && <Judged key={proposal.summary} proposal={proposal} />}
    </Card>
  )
}

async function proposalOf(files: readonly File[]): Promise<Proposal | undefined> {
  const [first] = files
  if (first === undefined) return undefined
  if (files.length === 1 && first.name.endsWith('.bundle'))
    return {
      upload: { type: BUNDLE, body: first },
      base: 'none',
      summary: first.name,
      isFolder: false
    }
  const texts: Record<string, string> = {}
  for (const file of files) {
    const path = rulesPath(file.webkitRelativePath, file.name)
    if (path !== undefined) texts[path] = await file.text()
  }
  // Single files change the rules in force; a folder with networks.yaml replaces them.
  const isWhole = 'networks.yaml' in texts && Object.keys(texts).length > 1
  return {
    upload: { type: FOLDER, body: JSON.stringify(texts) },
    base: isWhole ? 'none' : 'active',
    summary: `${Object.keys(texts).sort().slice(0, 6).join(', ')}${Object.keys(texts).length > 6 ? ' …' : ''} (${files.length})`,
    isFolder: true
  }
}

function Choose({ onChosen }: { readonly onChosen: (proposal: Proposal | undefined) => void }) {
  const [isOver, setOver] = useState(false)
  const choose = (list: FileList | null): void => void proposalOf([...(list ?? [])]).then(onChosen)
  return (
    <div
      class={isOver ? 'drop over' : 'drop'}
      onDragOver={event => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault()
        setOver(false)
        choose(event.dataTransfer?.files ?? null)
      }}
    >
      <p>{t('change.drop')}</p>
      <div class="row">
        <label class="field">
          <span>{t('change.files')}</span>
          <input
            type="file"
            multiple
            data-input="files"
            onChange={event => choose(event.currentTarget.files)}
          />
        </label>
        <label class="field">
          <span>{t('change.folder')}</span>
          <input
            type="file"
            multiple
            {...{ webkitdirectory: true }}
            onChange={event => choose(event.currentTarget.files)}
          />
        </label>
      </div>
      <p class="note">{t('change.filesNote')}</p>
    </div>
  )
}

function Edit({ onChosen }: { readonly onChosen: (proposal: Proposal | undefined) => void }) {
  const current = useApi<RuleFiles>('/rules/files')
  const [edited, setEdited] = useState<ReadonlyMap<string, string>>(new Map())
  const [path, setPath] = useState('networks.yaml')
  const original = useMemo(
    () => new Map(current.data?.files.map(({ path, text }) => [path, text]) ?? []),
    [current.data]
  )
  const changed = changedFiles(original, edited)
  const count = Object.keys(changed).length
  return (
    <Load from={current}>
      {({ files }) => (
        <div class="stack">
          <div class="row ends">
            <Field label={t('change.file')} wide>
              <select value={path} onChange={event => setPath(event.currentTarget.value)}>
                {files
                  .filter(({ text }) => text !== null)
                  .map(one => (
                    <option key={one.path} value={one.path}>
                      {one.path in changed ? `● ${one.path}` : one.path}
                    </option>
                  ))}
              </select>
            </Field>
            <button
              type="button"
              class="button main"
              disabled={count === 0}
              onClick={() =>
                onChosen({
                  upload: { type: FOLDER, body: JSON.stringify(changed) },
                  base: 'active',
                  summary: `${Object.keys(changed).join(', ')} ${Date.now()}`,
                  isFolder: true
                })
              }
            >
              {t('change.check', { n: count })}
            </button>
          </div>
          <textarea
            aria-label={path}
            spellcheck={false}
            value={edited.get(path) ?? original.get(path) ?? ''}
            onInput={event => setEdited(new Map(edited).set(path, event.currentTarget.value))}
          />
          <p class="note">{t('change.editNote')}</p>
        </div>
      )}
    </Load>
  )
}

function Judged({ proposal }: { readonly proposal: Proposal }) {
  const [found, setFound] = useState<Checked | undefined>(undefined)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [impact, setImpact] = useState<Checked['replay'] | 'running'>('running')
  useEffect(() => {
    const controller = new AbortController()
    const path = (replay: boolean): string =>
      `/rules/candidate?base=${proposal.base}&replay=${String(replay)}`
    const run = async (): Promise<void> => {
      try {
        const checked = await api.send<Checked>(
          'POST',
          path(false),
          proposal.upload,
          controller.signal
        )
        setFound(checked)
        if (checked?.check.ok !== true) return
        // Judging recorded lookups takes longer: what changes is shown meanwhile.
        const judged = await api.send<Checked>(
          'POST',
          path(true),
          proposal.upload,
          controller.signal
        )
        setImpact(judged?.replay ?? null)
      } catch (reason) {
        if (!controller.signal.aborted) setError(reason as ApiError)
      }
    }
    void run()
    return () => controller.abort()
  }, [])
  return (
    <section
      class="stack"
      aria-live="polite"
      data-candidate={found === undefined ? 'running' : found.check.ok ? 'valid' : 'invalid'}
    >
      {error !== undefined && <Failure error={error} />}
      {found === undefined && error === undefined && <p class="loading">{t('change.checking')}</p>}
      {found !== undefined && (
        <>
          <CheckResult check={found.check} />
          {found.diff !== null && <Diff diff={found.diff} />}
          {found.check.ok && <Impact replay={impact} />}
          {found.check.ok && proposal.isFolder && <Download proposal={proposal} />}
        </>
      )}
    </section>
  )
}

function CheckResult({ check }: { readonly check: Checked['check'] }) {
  const { ok, errors, warnings } = check
  return (
    <>
      <Alert
        tone={ok ? (warnings.length > 0 ? 'warn' : 'good') : 'bad'}
        title={ok ? t('change.valid') : t('change.invalid', { n: errors.length })}
      >
        {[...errors, ...warnings].slice(0, 50).map(({ code, message }, i) => (
          <p key={i} class="break">
            {message} <code class="note">{code}</code>
          </p>
        ))}
      </Alert>
    </>
  )
}

function Diff({ diff }: { readonly diff: Readonly<Record<string, unknown>> }) {
  const changes = changesIn(diff)
  return (
    <section class="stack">
      <h3>{t('change.diff')}</h3>
      {changes.length === 0 ? (
        <p class="faint">{t('change.noDiff')}</p>
      ) : (
        <Table
          id="diff"
          label={t('change.diff')}
          rows={changes}
          columns={[
            {
              title: t('change.what'),
              cell: ({ change }) => (
                <Badge tone={change === 'lifted' ? 'warn' : 'blocked'}>
                  {word('diff', change)}
                </Badge>
              )
            },
            {
              title: t('change.names'),
              kind: 'n',
              cell: ({ names }) => format.value.count(names)
            },
            {
              title: t('change.examples'),
              kind: 'break',
              cell: ({ examples }) => examples.join(', ')
            },
            { title: t('network'), kind: 'break', cell: ({ networks }) => networks.join(', ') },
            { title: t('change.before'), kind: 'break', cell: ({ before }) => before },
            { title: t('change.after'), kind: 'break', cell: ({ after }) => after }
          ]}
        />
      )}
    </section>
  )
}

function Impact({ replay }: { readonly replay: Checked['replay'] | 'running' }) {
  if (replay === 'running') return <p class="loading">{t('change.replaying')}</p>
  if (replay === null) return <p class="faint">{t('change.noLog')}</p>
  if ('code' in replay) return <Alert tone="warn" title={String(replay.message)} />
  const impacts = impactIn(replay)
  return (
    <section class="stack" data-impact="done">
      <h3>{t('change.impact')}</h3>
      {impacts.length === 0 && <p class="faint">{t('change.noImpact')}</p>}
      {impacts.map(({ kind, lookups, clients, names }) => (
        <div key={kind} class="stack">
          <p>
            <Badge tone={kind === 'blocked' ? 'blocked' : 'warn'}>{word('impact', kind)}</Badge>{' '}
            {t('lookups', { n: lookups })}
          </p>
          <div class="grid">
            <div class="stack">
              <h4 class="note">{t('change.impactClients')}</h4>
              <Bars
                none="–"
                bars={clients.slice(0, 10).map(([label, value]) => ({ label, value }))}
              />
            </div>
            <div class="stack">
              <h4 class="note">{t('change.impactNames')}</h4>
              <Bars
                none="–"
                bars={names.slice(0, 10).map(([label, value]) => ({ label, value }))}
              />
            </div>
          </div>
        </div>
      ))}
    </section>
  )
}

function Download({ proposal }: { readonly proposal: Proposal }) {
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isBusy, setBusy] = useState(false)
  const download = async (): Promise<void> => {
    setBusy(true)
    setError(undefined)
    try {
      const blob = await api.download(
        `/rules/candidate/bundle?base=${proposal.base}`,
        proposal.upload
      )
      const url = URL.createObjectURL(blob)
      const link = document.createElement('a')
      link.href = url
      link.download = 'rules.bundle'
      link.click()
      URL.revokeObjectURL(url)
    } catch (reason) {
      setError(reason as ApiError)
    }
    setBusy(false)
  }
  return (
    <div class="stack">
      {error !== undefined && <Failure error={error} />}
      <div class="row">
        <button type="button" class="button" disabled={isBusy} onClick={() => void download()}>
          {t('change.download')}
        </button>
        <span class="note">
          {t('change.sign')} <code>interdict bundle sign</code>
        </span>
      </div>
    </div>
  )
}

const MINUTES = [15, 60, 240, 1440]

function Pauses() {
  const blocks = useApi<List<Block>>('/blocks', { limit: 1000 }, 30)
  const [minutes, setMinutes] = useState(15)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [second, setSecond] = useState(Date.now())
  const isPaused = blocks.data?.items.some(({ pausedUntil }) => pausedUntil !== null) === true
  useEffect(() => {
    if (!isPaused) return undefined
    const timer = setInterval(() => setSecond(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isPaused])
  const change = async (id: string, isStart: boolean): Promise<void> => {
    setError(undefined)
    const path = `/rules/${encodeURIComponent(id)}/pause`
    try {
      if (isStart) await api.send('PUT', path, { minutes })
      else await api.send('DELETE', path)
    } catch (reason) {
      setError(reason as ApiError)
    }
    blocks.reload()
  }
  return (
    <Card title={t('pause.title')}>
      <p class="faint">{t('pause.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      <Load from={blocks}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="faint">{t('pause.none')}</p>
          ) : (
            <>
              {may('operate') ? (
                <Field label={t('pause.for')}>
                  <select
                    value={minutes}
                    onChange={event => setMinutes(Number(event.currentTarget.value))}
                  >
                    {MINUTES.map(one => (
                      <option key={one} value={one}>
                        {format.value.duration(one * 60)}
                      </option>
                    ))}
                  </select>
                </Field>
              ) : (
                <p class="note">{t('needsScope', { scope: 'operate' })}</p>
              )}
              <Table
                id="blocks"
                label={t('pause.title')}
                rows={items}
                rowId={({ id }) => id}
                columns={[
                  {
                    title: t('rule'),
                    kind: 'break',
                    cell: ({ id, rule }) => (
                      <>
                        {id}
                        <br />
                        <code class="note">{rule}</code>
                      </>
                    )
                  },
                  {
                    title: t('bans.about'),
                    kind: 'break',
                    cell: ({ sources }) => sources.map(({ title, id }) => title || id).join(', ')
                  },
                  {
                    title: t('network'),
                    kind: 'break',
                    cell: ({ networks }) => networks.join(', ')
                  },
                  {
                    title: t('state'),
                    cell: ({ state, pausedUntil }) =>
                      pausedUntil === null ? (
                        <Badge tone={state === 'in force' ? 'good' : ''}>
                          {word('state', state)}
                        </Badge>
                      ) : (
                        <Badge tone="warn">
                          {t('pause.until', {
                            left: format.value.duration(
                              Math.max(0, Math.ceil((Date.parse(pausedUntil) - second) / 1000))
                            )
                          })}
                        </Badge>
                      )
                  },
                  {
                    title: t('pause.title'),
                    isUntitled: true,
                    kind: 'end',
                    cell: ({ id, pausedUntil }) =>
                      may('operate') && (
                        <button
                          type="button"
                          class="button small"
                          onClick={() => void change(id, pausedUntil === null)}
                        >
                          {t(pausedUntil === null ? 'pause.start' : 'pause.end')}
                        </button>
                      )
                  }
                ]}
              />
            </>
          )
        }
      </Load>
    </Card>
  )
}

function Activate() {
  const [result, setResult] = useState<
    { outcome: string; first: readonly { code: string; message: string }[] } | undefined
  >(undefined)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const send = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return
    setError(undefined)
    setResult(undefined)
    try {
      setResult(await api.send('PUT', '/rules/bundle', { type: BUNDLE, body: file }))
    } catch (reason) {
      setError(reason as ApiError)
    }
  }
  return (
    <Card title={t('activate.title')}>
      <p class="faint">{t('activate.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      {result !== undefined && (
        <Alert
          tone={result.outcome === 'refused' ? 'bad' : 'good'}
          title={word('outcomeOf', result.outcome)}
        >
          {result.first.map(({ message }) => (
            <p key={message}>{message}</p>
          ))}
        </Alert>
      )}
      <Field label={t('activate.file')}>
        <input
          type="file"
          accept=".bundle"
          onChange={event => void send(event.currentTarget.files?.[0])}
        />
      </Field>
    </Card>
  )
}
