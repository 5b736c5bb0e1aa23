import { randomUUID } from 'node:crypto'
import { packageVersion } from '../../base/package.js'
import type { AlertBody } from './alert-schema.js'
import type { AlertMessage } from './post-alert.js'

/** @param gateway name of the gateway */
export function alertMessage(
  news: Omit<AlertBody, 'version' | 'delivery' | 'text' | 'time' | 'gateway'>,
  gateway: string
): AlertMessage {
  const delivery = randomUUID()
  const { event, state, severity, message } = news
  const body: AlertBody = {
    version: 1,
    delivery,
    ...news,
    text: `${gateway}: ${state === 'resolved' ? 'resolved' : severity}: ${message} (${event})`,
    time: new Date().toISOString(),
    gateway: { name: gateway, version: packageVersion() }
  }
  return { delivery, event, body: JSON.stringify(body) }
}

/** For `interdict alerts test`. */
export function testMessage(gateway: string): AlertMessage {
  return alertMessage(
    {
      id: randomUUID(),
      event: 'test',
      state: 'raised',
      repeat: 0,
      severity: 'warning',
      subject: null,
      message: 'test of interdict alerts',
      since: new Date().toISOString()
    },
    gateway
  )
}
