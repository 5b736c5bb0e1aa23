import { useState } from 'preact/hooks'
import type { Status } from '../../../web/api/types/status-responses.js'
import type { Checked } from '../../../web/api/types/rule-responses.js'
import { Alert, Card, Failure } from '../../components.js'
import { api, format, may, t } from '../../state.js'
import { useAction, useApi } from '../../use-api.js'
import { CheckResult, Diff } from './verdict.js'

const DIGITS = 12

interface Plan extends Pick<Checked, 'check' | 'diff'> {
  readonly forecast: {
    readonly changes?: { readonly blocked: { readonly lookups: number } }
  } | null
}

interface Applied {
  readonly sha256: string | null
  readonly errors: readonly { readonly code: string; readonly message: string }[]
}

/** Saved rules that wait to be put in force; nothing if none do. */
export function Saved() {
  const status = useApi<Status>('/status', {}, 15)
  const [applied, setApplied] = useState<Applied | undefined>(undefined)
  const [plan, setPlan] = useState<Plan | undefined>(undefined)
  const { error, run } = useAction()
  const waiting = status.data?.rules.waiting ?? null
  if (waiting === null && applied === undefined) return null
  const apply = (sha256: string): void =>
    void run(async () => {
      setApplied(await api.send<Applied>('POST', '/rules/apply', { sha256 }))
      setPlan(undefined)
      status.reload()
    })
  const show = (): void => void run(async () => setPlan(await api.get<Plan>('/rules/plan')))
  return (
    <Card title={t('saved.title')}>
      {error !== undefined && <Failure error={error} />}
      {applied !== undefined && <Result applied={applied} />}
      {waiting?.sha256 === null && (
        <Alert tone="bad" title={t('saved.errors', { n: waiting.errors })} />
      )}
      {typeof waiting?.sha256 === 'string' && (
        <>
          <p>
            {t('saved.intro', {
              version: waiting.sha256.slice(0, DIGITS),
              since: format.value.dateTime(waiting.since)
            })}
          </p>
          <button type="button" class="button" onClick={show}>
            {t('saved.plan')}
          </button>
          {plan !== undefined && <Planned plan={plan} />}
          {may('policy') ? (
            <button type="button" class="button" onClick={() => apply(waiting.sha256!)}>
              {t('saved.apply')}
            </button>
          ) : (
            <p class="note">{t('needsScope', { scope: 'policy' })}</p>
          )}
        </>
      )}
    </Card>
  )
}

function Planned({ plan: { check, diff, forecast } }: { readonly plan: Plan }) {
  const blocked = forecast?.changes?.blocked.lookups
  return (
    <>
      <CheckResult check={check} />
      {diff !== null && <Diff diff={diff} />}
      <p>{blocked === undefined ? t('change.noLog') : t('saved.blocked', { n: blocked })}</p>
    </>
  )
}

function Result({ applied: { sha256, errors } }: { readonly applied: Applied }) {
  if (sha256 !== null)
    return <Alert tone="good" title={t('saved.done', { version: sha256.slice(0, DIGITS) })} />
  return (
    <Alert tone="bad" title={t('saved.refused')}>
      {errors.map(({ message }) => (
        <p key={message}>{message}</p>
      ))}
    </Alert>
  )
}
