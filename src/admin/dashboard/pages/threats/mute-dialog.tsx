import { useState } from 'preact/hooks'
import { Failure, Field, Modal } from '../../components.js'
import { api, format, t } from '../../state.js'
import { useAction } from '../../use-api.js'

const DAY = 86_400_000

/** A finding to mute. */
export interface Muted {
  readonly kind: 'tunnel' | 'new-domain'
  readonly domain: string
  readonly client: string | null
}

export function MuteDialog({
  muted,
  onClose,
  onDone
}: {
  readonly muted: Muted
  readonly onClose: () => void
  readonly onDone: () => void
}) {
  const [reason, setReason] = useState('')
  const [until, setUntil] = useState(format.value.isoDay(Date.now() + 30 * DAY))
  const { error, isBusy, run } = useAction()
  const submit = (event: Event): void => {
    event.preventDefault()
    void run(async () => {
      await api.send('POST', '/findings/mutes', { ...muted, reason, until: `${until}T00:00:00Z` })
      onDone()
    })
  }
  return (
    <Modal title={t('threats.muteTitle', { domain: muted.domain })} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        {error !== undefined && <Failure error={error} />}
        <p class="note">{t('threats.muteNote')}</p>
        <Field label={t('threats.reason')} wide>
          <input
            name="reason"
            required
            maxLength={200}
            value={reason}
            onInput={event => setReason(event.currentTarget.value)}
          />
        </Field>
        <Field label={t('bans.until')}>
          <input
            type="date"
            name="until"
            required
            min={format.value.isoDay(Date.now() + DAY)}
            max={format.value.isoDay(Date.now() + 365 * DAY)}
            value={until}
            onInput={event => setUntil(event.currentTarget.value)}
          />
        </Field>
        <div class="row">
          <button class="button main" disabled={isBusy || reason.trim() === ''}>
            {t('threats.mute')}
          </button>
        </div>
      </form>
    </Modal>
  )
}
