import { useState } from 'preact/hooks'
import { Alert, Card, Failure, Field, Tabs, Title } from '../components.js'
import { api, edits, may, t } from '../state.js'
import type { DraftList } from '../../web/api/types/draft-responses.js'
import { ApplyCommand, Drafts } from './change/drafts.js'
import { RuleFormCard } from './change/rule-form.js'
import { History } from './change/history.js'
import { Pauses } from './change/pauses.js'
import { Saved } from './change/saved.js'
import { useAction, useApi } from '../use-api.js'
import { Edit } from './change/edit-files.js'
import { Choose, type Proposal } from './change/proposal.js'
import { BundleOutcome, putBundle, SigningKeyCard } from './change/signing.js'
import { Judged } from './change/verdict.js'

export function Page() {
  const drafts = useApi<DraftList>('/rules/drafts', {}, 30)
  return (
    <>
      <Title text={t('page.change')} />
      <p class="faint">{t('change.intro')}</p>
      <Saved />
      <RuleFormCard onMade={drafts.reload} />
      <Drafts drafts={drafts} />
      <Candidate onMade={drafts.reload} />
      <Pauses />
      {may('policy') && <Activate />}
      {may('policy') && <SigningKeyCard />}
      <History onDraft={drafts.reload} />
    </>
  )
}

function Candidate({ onMade }: { readonly onMade: () => void }) {
  const [mode, setMode] = useState<'upload' | 'edit'>(edits.all().size > 0 ? 'edit' : 'upload')
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
      {proposal?.isFolder === true && proposal.base === 'active' && (
        <MakeDraft key={`draft ${proposal.summary}`} proposal={proposal} onMade={onMade} />
      )}
    </Card>
  )
}

/** Stores edited files as a draft. */
function MakeDraft({
  proposal,
  onMade
}: {
  readonly proposal: Proposal
  readonly onMade: () => void
}) {
  const [reason, setReason] = useState('')
  const [made, setMade] = useState<string | undefined>(undefined)
  const { error, isBusy, run } = useAction()
  if (!may('operate')) return null
  if (made !== undefined)
    return (
      <Alert tone="good" title={t('form.made')}>
        <ApplyCommand id={made} />
      </Alert>
    )
  const make = (): Promise<void> =>
    run(async () => {
      const title = Object.keys(JSON.parse(proposal.upload.body as string) as object).join(', ')
      const query = new URLSearchParams({ title: title.slice(0, 500), reason: reason.trim() })
      const path = `/rules/drafts?${query.toString()}`
      const { id } = (await api.send<{ id: string }>('POST', path, proposal.upload))!
      setMade(id)
      edits.forget()
      onMade()
    })
  return (
    <form
      class="row ends"
      onSubmit={event => {
        event.preventDefault()
        void make()
      }}
    >
      {error !== undefined && <Failure error={error} />}
      <Field label={t('pause.reason')} wide>
        <input
          required
          maxLength={500}
          value={reason}
          onInput={event => setReason(event.currentTarget.value)}
        />
      </Field>
      <button class="button" disabled={isBusy}>
        {t('form.make')}
      </button>
    </form>
  )
}

function Activate() {
  const [result, setResult] = useState<Awaited<ReturnType<typeof putBundle>> | undefined>(undefined)
  const { error, run } = useAction()
  const send = (file: File | undefined): void => {
    if (file === undefined) return
    setResult(undefined)
    void run(async () => setResult(await putBundle(file)))
  }
  return (
    <Card title={t('activate.title')}>
      <p class="faint">{t('activate.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      {result !== undefined && <BundleOutcome result={result} />}
      <Field label={t('activate.file')}>
        <input
          type="file"
          accept=".bundle"
          onChange={event => send(event.currentTarget.files?.[0])}
        />
      </Field>
    </Card>
  )
}
