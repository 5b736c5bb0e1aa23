import { useState } from 'preact/hooks'
import type { Attribution } from '../web/api/types/who-responses.js'
import { Card, Facts, Load, Modal } from './components.js'
import { format, hasBindings, t, word } from './state.js'
import { useApi } from './use-api.js'

interface At {
  /** An address that the log has in full. */
  readonly address: string
  /** Undefined: now. */
  readonly time?: string | undefined
}

const IS_ADDRESS = /^(?=.*[.:])[0-9a-f.:]+$/i

/**
 * Whether the device of a client can be looked up.
 *
 * @param privacy how the log has clients that are not in full: pseudonyms may look like addresses
 */
export const hasDevice = (
  client: string | undefined,
  privacy: string | number | undefined
): client is string =>
  hasBindings.value && client !== undefined && privacy === undefined && IS_ADDRESS.test(client)

/** Which device had an address, with the feeds that name it, or why that is not known. */
export function DeviceFacts({ address, time }: At) {
  const at = time === undefined ? {} : { at: time }
  const found = useApi<Attribution>('/who', { address, ...at })
  return (
    <Load from={found}>
      {({ status, reason, device, bindings }) =>
        status === 'known' && device !== null ? (
          <Facts
            facts={[
              [t('device.host'), device.host],
              [t('device.user'), device.user],
              [t('device.groups'), device.groups?.join(', ')],
              [t('device.mac'), device.mac],
              [t('device.duid'), device.duid],
              [t('device.port'), device.port],
              [t('device.source'), sourcesText(bindings)]
            ]}
          />
        ) : (
          <p class="note" data-device="unknown">
            {t('device.unknown')} {word('deviceReason', reason ?? 'none')}
          </p>
        )
      }
    </Load>
  )
}

/** Each feed once: it may have named the device again after a restart. */
function sourcesText(bindings: Attribution['bindings']): string {
  return bindings
    .filter(({ source }, i) => bindings.findIndex(one => one.source === source) === i)
    .map(({ source, from }) => t('device.since', { source, time: format.value.dateTime(from) }))
    .join('; ')
}

/** On the page of a client. */
export function DeviceCard({ address, time }: At) {
  const aside = time && (
    <span class="note">{t('device.at', { time: format.value.dateTime(time) })}</span>
  )
  return (
    <Card title={t('device')} aside={aside}>
      <DeviceFacts address={address} time={time} />
    </Card>
  )
}

/** Shows the device that has an address now, once it is asked for: each answer takes a process of the gateway. */
export function DeviceButton({ address }: Pick<At, 'address'>) {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <button
        type="button"
        class="button small"
        aria-label={`${t('device')}, ${address}`}
        onClick={() => setOpen(true)}
      >
        {t('device')}
      </button>
      {isOpen && (
        <Modal title={address} onClose={() => setOpen(false)}>
          <DeviceFacts address={address} />
        </Modal>
      )}
    </>
  )
}
