import { resolve } from 'node:path'
import * as z from 'zod'
import type { Position } from '../../base/errors/position.js'
import { duration } from '../../policy/yaml/quantity.js'
import { parsedString } from '../../policy/yaml/parsed-string.js'
import { ALERT_EVENTS, type AlertEvent, type AlertHookConfig } from './alert-config.js'

const MAX_HOOKS = 16

/** `http:` or `https:`, with a host. */
function readHookUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined
}

/** RFC 1122 §3.2.1.3, RFC 4291 §2.5.3, RFC 6761 §6.3. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

const path = z.string('a path').prefault('')

const hookFor = <E extends AlertEvent>(events: readonly E[]) =>
  z.strictObject({
    name: z
      .string()
      .regex(/^([a-z0-9][a-z0-9.-]{0,63})?$/, 'a name of a-z, 0-9, - and .')
      .prefault(''),
    url: parsedString('a URL such as https://alerts.example/interdict', readHookUrl),
    events: z.array(z.enum(events)).prefault([]),
    'secret-file': path,
    'ca-file': path,
    'allow-http': z.boolean().prefault(false),
    'ending-within': duration('1d', '365d').prefault('14d'),
    resend: duration('0s', '30d').prefault('1d'),
    timeout: duration('1s', '1m').prefault('10s')
  })

/** The name of a hook without one: the host of its URL. */
const nameOf = ({ name, url }: Pick<Hook, 'name' | 'url'>): string =>
  name === '' ? url.hostname.replaceAll(/[[\]]/g, '') : name

type Hook = z.output<ReturnType<typeof hookFor<AlertEvent>>>

export const alertsSchemaFor = <E extends AlertEvent>(events: readonly E[]) =>
  z
    .array(hookFor(events))
    .max(MAX_HOOKS)
    .superRefine((hooks, context) => {
      const names = hooks.map(nameOf)
      for (const [i, { url, 'allow-http': allowHttp }] of hooks.entries()) {
        const refuse = (key: string, message: string): void =>
          context.addIssue({ code: 'custom', path: [i, key], message })
        if (names.indexOf(names[i]!) < i) refuse('name', 'a name that no other hook has')
        if (url.protocol === 'http:' && !isLoopback(url) && !allowHttp)
          refuse('url', 'https://, or allow-http: true')
      }
    })
    .prefault([])

export const alertsSchema = alertsSchemaFor(ALERT_EVENTS)

/** @param folder that paths are relative to @param all events of a hook that names none */
export function alertsOf(
  hooks: readonly Hook[],
  folder: string,
  positionOf: (path: readonly (string | number)[]) => Position,
  all: readonly AlertEvent[] = ALERT_EVENTS
): AlertHookConfig[] {
  const file = (text: string): string | undefined =>
    text === '' ? undefined : resolve(folder, text)
  return hooks.map((hook, i) => ({
    name: nameOf(hook),
    url: hook.url.href,
    events: hook.events.length === 0 ? all : hook.events,
    secretFile: file(hook['secret-file']),
    caFile: file(hook['ca-file']),
    endingWithin: hook['ending-within'],
    resend: hook.resend,
    timeout: hook.timeout,
    position: positionOf(['alerts', i])
  }))
}
