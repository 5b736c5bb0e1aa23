import type { LogFields, ServiceLog } from '../log/service-log.js'

/** A line of the service log, which only the control thread writes. */
export interface LogLine {
  readonly kind: 'log'
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: LogFields
  readonly message: string
}

/** The service log of any other thread: sends its lines to the control thread. */
export function createThreadLog(post: (line: LogLine) => void): ServiceLog {
  const at =
    (level: LogLine['level']) =>
    (fields: LogFields, message: string): void =>
      post({ kind: 'log', level, fields, message })
  return { info: at('info'), warn: at('warn'), error: at('error') }
}
