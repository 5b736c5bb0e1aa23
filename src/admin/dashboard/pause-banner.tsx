import { useEffect, useState } from 'preact/hooks'
import type { Deviation } from '../web/api/types/status-responses.js'
import { Alert, Failure } from './components.js'
import { api, format, may, statusRound, t } from './state.js'
import { useAction } from './use-api.js'

/** On every page for as long as a block is paused: who has paused it, why, and until when. */
export function PauseBanner({ against }: { readonly against: readonly Deviation[] }) {
  const pauses = against.filter(({ kind }) => kind === 'pause')
  const { error, isBusy, run } = useAction()
  const second = useSeconds(pauses.length > 0)
  const end = async (rule: string): Promise<void> => {
    await run(() => api.send('DELETE', `/rules/${encodeURIComponent(rule)}/pause`))
    statusRound.value++
  }
  const running = pauses.filter(({ until }) => until !== null && Date.parse(until) > second)
  if (running.length === 0) return null
  return (
    <div class="stack pauses" role="status" data-paused={running.length}>
      {error !== undefined && <Failure error={error} />}
      {running.map(({ subject, by, reason, until }) => (
        <Alert
          key={subject}
          tone="warn"
          title={t('pause.banner', {
            rule: subject ?? '',
            left: format.value.duration(Math.ceil((Date.parse(until!) - second) / 1000))
          })}
          action={
            may('operate') && (
              <button
                type="button"
                class="button small no-print"
                disabled={isBusy}
                aria-label={`${t('pause.end')}, ${subject ?? ''}`}
                onClick={() => void end(subject ?? '')}
              >
                {t('pause.end')}
              </button>
            )
          }
        >
          <p class="break">
            {t('pause.who', {
              by: by ?? '–',
              reason: reason ?? '–',
              until: format.value.dateTime(until!)
            })}
          </p>
        </Alert>
      ))}
    </div>
  )
}

/** The wall clock, counted on each second while that is shown. */
export function useSeconds(isNeeded: boolean): number {
  const [second, setSecond] = useState(Date.now())
  useEffect(() => {
    if (!isNeeded) return undefined
    setSecond(Date.now())
    const timer = setInterval(() => setSecond(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isNeeded])
  return second
}
