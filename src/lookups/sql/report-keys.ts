/** What reports count lookups by: the values of `--by`. This module imports nothing, for the start of commands. */
export const REPORT_KEYS = [
  ...(['app', 'ban', 'network', 'client', 'name', 'hour', 'day', 'type'] as const),
  ...(['match', 'exception'] as const)
] as const
/** Of the logs of a fleet alone. */
export const FLEET_KEY = 'gateway'
