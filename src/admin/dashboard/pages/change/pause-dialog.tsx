import { useState } from 'preact/hooks'
import { Failure, Field, Modal, Select } from '../../components.js'
import { api, format, statusRound, t } from '../../state.js'
import { useAction } from '../../use-api.js'

const MINUTES = [5, 15, 30, 60, 120, 240, 480, 1440]
/** As the API has it. */
const MAX_REASON = 200

/** Asks for how long and why, before a block is paused. */
export function PauseDialog({
  rule,
  longest,
  onClose
}: {
  readonly rule: string
  /** Minutes: `admin.max-pause`. */
  readonly longest: number
  readonly onClose: () => void
}) {
  const offered = [...new Set([...MINUTES.filter(one => one < longest), Math.floor(longest)])]
  const [minutes, setMinutes] = useState(Math.min(15, Math.floor(longest)))
  const [reason, setReason] = useState('')
  const { error, isBusy, run } = useAction()
  const start = (): Promise<void> =>
    run(async () => {
      const path = `/rules/${encodeURIComponent(rule)}/pause`
      await api.send('PUT', path, { minutes, reason: reason.trim() })
      statusRound.value++
      onClose()
    })
  return (
    <Modal title={t('pause.ask', { rule })} onClose={onClose}>
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void start()
        }}
      >
        <p>{t('pause.effect')}</p>
        {error !== undefined && <Failure error={error} />}
        <Field label={t('pause.reason')}>
          <input
            name="reason"
            required
            maxLength={MAX_REASON}
            value={reason}
            onInput={event => setReason(event.currentTarget.value)}
          />
        </Field>
        <Select
          label={t('pause.for')}
          value={String(minutes)}
          options={offered.map(one => [String(one), format.value.duration(one * 60)] as const)}
          onChange={chosen => setMinutes(Number(chosen))}
        />
        <div class="row">
          <button
            type="submit"
            class="button main"
            data-pause="start"
            disabled={isBusy || reason.trim() === ''}
          >
            {t('pause.start')}
          </button>
        </div>
      </form>
    </Modal>
  )
}
