import * as z from 'zod'
import { ALERT_EVENTS, HUB_ALERT_EVENTS } from '../config/alert-config.js'

/** The body of a webhook. Public: docs/reference/alerts.md; keys may be added within a version. */
export const alertSchema = z.strictObject({
  version: z.literal(1).describe('Version of this format.'),
  delivery: z
    .uuid()
    .describe('Identifies this message: the same when it is sent again after a failure.'),
  id: z.uuid().describe('Identifies the alert: the same when it is repeated and resolved.'),
  event: z
    .enum([...ALERT_EVENTS, ...HUB_ALERT_EVENTS, 'test'])
    .describe('What the alert is about.'),
  state: z.enum(['raised', 'resolved']),
  repeat: z
    .int()
    .min(0)
    .describe('0 when the alert is raised, and one more each time it is repeated.'),
  severity: z
    .enum(['critical', 'warning'])
    .describe('critical: /readyz, /policyz or /evidencez fails because of it.'),
  subject: z
    .string()
    .nullable()
    .describe(
      'What of several: an upstream, a list, a worker, the end of rules, a ring; null: the gateway or the hub.'
    ),
  message: z.string().describe('The problem in plain text. When resolved: as it was last.'),
  text: z.string().describe('All of this in one line, for people.'),
  since: z.iso.datetime().describe('When the alert was raised.'),
  time: z.iso.datetime().describe('When this message was made.'),
  gateway: z.strictObject({
    name: z
      .string()
      .describe('identity.name of the settings, or the host name; of the hub, its host name.'),
    version: z.string().describe('Version of the program.')
  })
})

export type AlertBody = z.output<typeof alertSchema>
