import { useState } from 'preact/hooks'
import type {
  HistoryEntry,
  RestoredVersion,
  RulesHistory
} from '../../../web/api/types/rule-responses.js'
import { Alert, Card, Failure, Load } from '../../components.js'
import { api, format, may, t } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'

const DIGITS = 12
const SHOWN = 20

/** What was in force when, the latest first. */
export function History() {
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
          <button type="button" class="button" onClick={() => restore(plan.sha256, false)}>
            {t('history.restore')}
          </button>
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
                cell: ({ seconds }) => (seconds === null ? '…' : format.value.duration(seconds))
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
                cell: ({ sha256, serial }) =>
                  may('policy') &&
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
