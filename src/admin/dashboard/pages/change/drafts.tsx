import { useState } from 'preact/hooks'
import type { Draft, DraftList, DraftSummary } from '../../../web/api/types/draft-responses.js'
import { Alert, Badge, Card, Failure, Load } from '../../components.js'
import { api, format, may, me, t } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, useApi, type Resource } from '../../use-api.js'
import { DiffText } from './changed-lines.js'
import { FOLDER } from './proposal.js'
import { SignDraft } from './signing.js'
import { Judged } from './verdict.js'

/** How the owner of the rules folder puts a draft in force. */
export function ApplyCommand({ id }: { readonly id: string }) {
  return (
    <p>
      {t('drafts.apply')} <code class="break">interdict apply {id}</code>
    </p>
  )
}

function stateOf({ applied, outdated, ready }: DraftSummary) {
  if (applied !== null) return <Badge tone="good">{t('drafts.applied', { by: applied.by })}</Badge>
  if (outdated.length > 0) return <Badge tone="bad">{t('drafts.outdated')}</Badge>
  return ready ? <Badge>{t('drafts.ready')}</Badge> : <Badge tone="warn">{t('drafts.waits')}</Badge>
}

/** Drafts on the gateway, and one of them opened. */
export function Drafts({ drafts }: { readonly drafts: Resource<DraftList> }) {
  const [open, setOpen] = useState<string | undefined>(undefined)
  const close = (): void => {
    setOpen(undefined)
    drafts.reload()
  }
  return (
    <Card title={t('drafts.title')} id="drafts">
      <p class="faint">{t('drafts.intro')}</p>
      <Load from={drafts}>
        {({ drafts: rows }) => (
          <Table
            id="drafts-table"
            label={t('drafts.title')}
            none={t('drafts.none')}
            rows={rows}
            rowId={({ id }) => id}
            columns={[
              { title: t('change.what'), kind: 'break', cell: ({ title }) => title },
              { title: t('pause.reason'), kind: 'break', cell: ({ reason }) => reason },
              {
                title: t('drafts.made'),
                kind: 'break',
                cell: ({ made }) => `${made.by}, ${format.value.dateTime(made.at)}`
              },
              { title: t('drafts.state'), cell: stateOf },
              {
                title: t('drafts.show'),
                isUntitled: true,
                kind: 'end',
                cell: ({ id, title }) => (
                  <button
                    type="button"
                    class="button small"
                    aria-label={`${t('drafts.show')}, ${title}`}
                    onClick={() => setOpen(open === id ? undefined : id)}
                  >
                    {t('drafts.show')}
                  </button>
                )
              }
            ]}
          />
        )}
      </Load>
      {open !== undefined && (
        <Opened
          key={open}
          id={open}
          isBundle={drafts.data?.bundle === true}
          {...{ onClose: close, onApplied: drafts.reload }}
        />
      )}
    </Card>
  )
}

interface OpenedProps {
  readonly id: string
  /** Whether the rules come from a bundle. */
  readonly isBundle: boolean
  readonly onClose: () => void
  readonly onApplied: () => void
}

function Opened({ id, isBundle, onClose, onApplied }: OpenedProps) {
  const found = useApi<Draft>(`/rules/drafts/${id}`)
  const { error, isBusy, run } = useAction()
  const approve = (): Promise<void> =>
    run(async () => {
      await api.send('POST', `/rules/drafts/${id}/approve`)
      found.reload()
    })
  const discard = (): Promise<void> =>
    run(async () => {
      await api.send('DELETE', `/rules/drafts/${id}`)
      onClose()
    })
  return (
    <Load from={found}>
      {draft => (
        <section class="stack" data-draft={draft.id}>
          <h3>{draft.title}</h3>
          {error !== undefined && <Failure error={error} />}
          {draft.applied === null && (
            <>
              <DiffText text={draft.diff} />
              {draft.outdated.length > 0 ? (
                <Alert tone="bad" title={t('drafts.outdated')}>
                  <p>{t('drafts.outdatedText', { files: draft.outdated.join(', ') })}</p>
                </Alert>
              ) : (
                <Judged
                  proposal={{
                    upload: { type: FOLDER, body: JSON.stringify(draft.texts) },
                    ...{ base: 'active', summary: draft.id, isFolder: true }
                  }}
                />
              )}
              {draft.approved !== null && <p>{t('drafts.approved', { by: draft.approved.by })}</p>}
              {draft.ready && !isBundle && <ApplyCommand id={draft.id} />}
              {draft.ready && isBundle && may('policy') && <SignDraft {...{ draft, onApplied }} />}
            </>
          )}
          <div class="row">
            {draft.applied === null && draft.approved === null && may('policy') && (
              <button
                type="button"
                class="button main"
                disabled={isBusy || draft.made.by === me.value?.name}
                onClick={() => void approve()}
              >
                {t('drafts.approve')}
              </button>
            )}
            {may('operate') && (
              <button type="button" class="button" disabled={isBusy} onClick={() => void discard()}>
                {t('drafts.discard')}
              </button>
            )}
            {draft.made.by === me.value?.name && draft.approved === null && (
              <span class="note">{t('drafts.own')}</span>
            )}
          </div>
        </section>
      )}
    </Load>
  )
}
