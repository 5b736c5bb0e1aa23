import { useState } from 'preact/hooks'
import type {
  HistoryEntry,
  RestoredVersion,
  RulesHistory
} from '../../../web/api/types/rule-responses.js'
import { Alert, Card, Failure, Load } from '../../components.js'
import { api, format, may, t, word } from '../../state.js'
import { FOLDER } from './proposal.js'
import { Table } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'

const DIGITS = 12
const SHOWN = 20

/** What was in force when, the latest first. */
export function History({ onDraft }: { readonly onDraft: () => void }) {
  const history = useApi<RulesHistory>('/rules/history', { limit: SHOWN }, 60)
  const [plan, setPlan] = useState<RestoredVersion | undefined>(undefined)
  const { error, run } = useAction()
  const restore = (sha256: string, dryRun: boolean): void =>
    void run(async () => {
      const path = `/rules/versions/${sha256}/restore`
      const found = await api.send<RestoredVersion>('POST', path, { dryRun })
      setPlan(dryRun ? found : undefined)
      if (!dryRun) history.reload()
    })
  const draft = ({ sha256, written }: RestoredVersion): void =>
    void run(async () => {
      const texts: Record<string, string> = {}
      for (const path of written) {
        const file = await api.get<{ text: string }>(`/rules/versions/${sha256}/file`, { path })
        texts[path] = file.text
      }
      const version = `${t('history.restore')}: ${sha256.slice(0, DIGITS)}`
      const query = new URLSearchParams({ title: version, reason: version })
      const upload = { type: FOLDER, body: JSON.stringify(texts) }
      await api.send('POST', `/rules/drafts?${query.toString()}`, upload)
      setPlan(undefined)
      onDraft()
    })
  const files = plan === undefined ? [] : [...plan.written, ...plan.removed]
  return (
    <Card title={t('history.title')}>
      <p class="faint">{t('history.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      {plan !== undefined && (
        <Alert
          tone="warn"
          title={t('history.plan', { version: plan.sha256.slice(0, DIGITS), n: files.length })}
        >
          <p class="break">{files.join(', ')}</p>
          {may('operate') && plan.removed.length > 0 && (
            <p>{t('history.noDraft', { files: plan.removed.join(', ') })}</p>
          )}
          <div class="row">
            <button type="button" class="button" onClick={() => restore(plan.sha256, false)}>
              {t('history.restore')}
            </button>
            {may('operate') && plan.removed.length === 0 && plan.written.length > 0 && (
              <button type="button" class="button" onClick={() => draft(plan)}>
                {t('form.make')}
              </button>
            )}
          </div>
        </Alert>
      )}
      <Load from={history}>
        {({ entries }) => (
          <Table
            id="history"
            label={t('history.title')}
            rows={entries}
            rowId={({ from }) => from}
            columns={[
              { title: t('history.since'), cell: ({ from }) => format.value.dateTime(from) },
              {
                title: t('history.for'),
                cell: ({ seconds }) =>
                  seconds === null ? word('state', 'in force') : format.value.duration(seconds)
              },
              { title: t('history.version'), cell: versionOf },
              {
                title: t('history.cause'),
                kind: 'break',
                cell: ({ reason, by, changed }) =>
                  [changed.length > 0 ? changed.join(', ') : reason, by].filter(Boolean).join(', ')
              },
              { title: t('change.what'), kind: 'break', cell: ({ summary }) => summary },
              {
                title: t('history.restore'),
                isUntitled: true,
                kind: 'end',
                cell: ({ seconds, sha256, serial }) =>
                  may('policy') &&
                  seconds !== null &&
                  sha256 !== null &&
                  serial === null && (
                    <button
                      type="button"
                      class="button small"
                      aria-label={`${t('history.restore')}, ${sha256.slice(0, DIGITS)}`}
                      onClick={() => restore(sha256, true)}
                    >
                      {t('history.restore')}
                    </button>
                  )
              }
            ]}
          />
        )}
      </Load>
    </Card>
  )
}

function versionOf({ sha256, serial, event }: HistoryEntry) {
  if (sha256 === null) return event === 'stop' ? t('history.stopped') : t('history.unknown')
  return <code>{`${sha256.slice(0, DIGITS)}${serial === null ? '' : ` (${serial})`}`}</code>
}
