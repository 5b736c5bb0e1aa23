import { useState } from 'preact/hooks'
import { Alert, Card, Failure, Field, Tabs, Title } from '../components.js'
import { api, may, t, word } from '../state.js'
import { History } from './change/history.js'
import { Pauses } from './change/pauses.js'
import { Saved } from './change/saved.js'
import { useAction } from '../use-api.js'
import { BUNDLE, Choose, Edit, type Proposal } from './change/proposal.js'
import { Judged } from './change/verdict.js'

export function Page() {
  return (
    <>
      <Title text={t('page.change')} />
      <p class="faint">{t('change.intro')}</p>
      <Saved />
      <Candidate />
      <Pauses />
      {may('policy') && <Activate />}
      <History />
    </>
  )
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

function Activate() {
  const [result, setResult] = useState<
    { outcome: string; first: readonly { code: string; message: string }[] } | undefined
  >(undefined)
  const { error, run } = useAction()
  const send = (file: File | undefined): void => {
    if (file === undefined) return
    setResult(undefined)
    void run(async () =>
      setResult(await api.send('PUT', '/rules/bundle', { type: BUNDLE, body: file }))
    )
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
          onChange={event => send(event.currentTarget.files?.[0])}
        />
      </Field>
    </Card>
  )
}
