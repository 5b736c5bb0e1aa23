import { useState } from 'preact/hooks'
import type { ShownJob } from '../web/api/follow-job.js'
import { format, jobs, t } from './state.js'

/** What pages wait for, with its progress. */
export function RunningJobs() {
  const shown = [...jobs.value.values()]
  if (shown.length === 0) return null
  return (
    <section class="jobs no-print" aria-label={t('jobs.title')}>
      {shown.map(one => (
        <Running key={one.job.id} shown={one} />
      ))}
    </section>
  )
}

function Running({ shown: { job, cancel } }: { readonly shown: ShownJob }) {
  const [isCancelled, setCancelled] = useState(false)
  const { state, created, progress } = job
  const command = progress?.command ?? ''
  const time = format.value.duration((Date.now() - Date.parse(created)) / 1000, 1)
  const text = t(state === 'queued' ? 'jobs.queued' : 'jobs.running', { command, time })
  return (
    <div class="row" data-job={state}>
      <span>{text}</span>
      <progress aria-label={text} {...(progress?.done != null && { value: progress.done })} />
      <button
        type="button"
        class="button small"
        disabled={isCancelled}
        onClick={() => {
          setCancelled(true)
          cancel()
        }}
      >
        {t('jobs.cancel')}
      </button>
    </div>
  )
}
