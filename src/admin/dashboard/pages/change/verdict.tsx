import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../../web/api/client.js'
import type { Checked } from '../../../web/api/types/rule-responses.js'
import { changesIn, impactIn } from '../../../web/proposed-change.js'
import { Alert, Badge, Bars, Failure } from '../../components.js'
import { saveBlob } from '../../export-buttons.js'
import { api, format, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useAction } from '../../use-api.js'
import type { Proposal } from './proposal.js'

export function Judged({ proposal }: { readonly proposal: Proposal }) {
  const [found, setFound] = useState<Checked | undefined>(undefined)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [impact, setImpact] = useState<Checked['replay'] | 'running' | 'failed'>('running')
  useEffect(() => {
    const controller = new AbortController()
    const path = (replay: string): string =>
      `/rules/candidate?base=${proposal.base}&replay=${replay}`
    const run = async (): Promise<void> => {
      try {
        const checked = await api.send<Checked>(
          'POST',
          path('false'),
          proposal.upload,
          controller.signal
        )
        setFound(checked)
        if (checked?.check.ok !== true) return
        // Judging recorded lookups takes longer: what changes is shown meanwhile, then an estimate.
        for (const replay of ['sample', 'true']) {
          const { signal } = controller
          const judged = await api.send<Checked>('POST', path(replay), proposal.upload, signal)
          setImpact(judged?.replay ?? null)
          if (sampleIn(judged?.replay) === undefined) return
        }
      } catch (reason) {
        if (controller.signal.aborted) return
        setError(reason as ApiError)
        // Otherwise it would seem to run for ever.
        setImpact('failed')
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

export function CheckResult({ check }: { readonly check: Checked['check'] }) {
  const { ok, errors, warnings } = check
  return (
    <Alert
      tone={ok ? (warnings.length > 0 ? 'warn' : 'good') : 'bad'}
      title={ok ? t('change.valid') : t('change.invalid', { n: errors.length })}
    >
      {[...errors, ...warnings].slice(0, 50).map(({ code, message }, i) => (
        <p key={i} class="break">
          <span lang="en">{message}</span> <code class="note">{code}</code>
        </p>
      ))}
    </Alert>
  )
}

/** `blocked: federal-tiktok` in the language of the user. */
const decided = (text: string): string => text.replace(/^\w+/, one => word('verdict', one))

export function Diff({ diff }: { readonly diff: Readonly<Record<string, unknown>> }) {
  const changes = changesIn(diff)
  return (
    <section class="stack">
      <h3>{t('change.diff')}</h3>
      <Table
        id="diff"
        none={t('change.noDiff')}
        label={t('change.diff')}
        rows={changes}
        columns={[
          {
            title: t('change.what'),
            cell: ({ change }) => (
              <Badge tone={change === 'lifted' ? 'warn' : 'blocked'}>{word('diff', change)}</Badge>
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
          {
            title: t('change.clients'),
            kind: 'break',
            cell: ({ clients }) => {
              const more = clients.length - MOST_CLIENTS
              const some = clients.slice(0, MOST_CLIENTS).join('; ')
              return more > 0 ? `${some}; ${t('change.moreClients', { n: more })}` : some
            }
          },
          { title: t('change.when'), cell: when },
          { title: t('change.before'), kind: 'break', cell: ({ before }) => decided(before) },
          { title: t('change.after'), kind: 'break', cell: ({ after }) => decided(after) }
        ]}
      />
    </section>
  )
}

/** Clients of a change that are named; there may be thousands. */
const MOST_CLIENTS = 10

/** From when until when a change applies, and at which hours. */
function when({ from, until, hours }: ReturnType<typeof changesIn>[number]): string {
  const { value } = format
  const dates = [
    from === null ? '' : t('change.from', { at: value.dateTime(from) }),
    until === null ? '' : t('change.until', { at: value.dateTime(until) }),
    hours ?? ''
  ]
  return dates.filter(one => one !== '').join(', ') || t('change.always')
}

/** How many lookups were judged of how many; undefined: all. */
function sampleIn(
  replay: Checked['replay'] | undefined
): { readonly n: number; readonly of: string } | undefined {
  const { lookups, of } = (replay?.sample ?? {}) as {
    readonly lookups?: number
    readonly of?: number
  }
  return lookups === undefined ? undefined : { n: lookups, of: format.value.count(of ?? 0) }
}

function Impact({ replay }: { readonly replay: Checked['replay'] | 'running' | 'failed' }) {
  // The error is shown above.
  if (replay === 'failed') return null
  if (replay === 'running') return <p class="loading">{t('change.replaying')}</p>
  if (replay === null) return <p class="faint">{t('change.noLog')}</p>
  if ('code' in replay) return <Alert tone="warn" title={String(replay.message)} />
  const impacts = impactIn(replay)
  const sample = sampleIn(replay)
  return (
    <section class="stack" data-impact={sample === undefined ? 'done' : 'estimated'}>
      <h3>{t('change.impact')}</h3>
      {sample !== undefined && <p class="loading">{t('change.sampled', sample)}</p>}
      {impacts.length === 0 && sample === undefined && <p class="faint">{t('change.noImpact')}</p>}
      {impacts.map(({ kind, lookups, estimate, clients, names }) => (
        <div key={kind} class="stack">
          <p>
            <Badge tone={kind === 'blocked' ? 'blocked' : 'warn'}>{word('impact', kind)}</Badge>{' '}
            {estimate === undefined
              ? t('lookups', { n: lookups })
              : t('change.estimate', {
                  n: estimate.lookups,
                  low: format.value.count(estimate.low),
                  high: format.value.count(estimate.high)
                })}
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
  const { error, isBusy, run } = useAction()
  const download = async (): Promise<void> => {
    const path = `/rules/candidate/bundle?base=${proposal.base}`
    saveBlob(await api.download(path, proposal.upload), 'rules.bundle')
  }
  return (
    <div class="stack">
      {error !== undefined && <Failure error={error} />}
      <div class="row">
        <button type="button" class="button" disabled={isBusy} onClick={() => void run(download)}>
          {t('change.download')}
        </button>
        <span class="note">
          {t('change.sign')} <code>interdict bundle sign</code>
        </span>
      </div>
    </div>
  )
}
