import type { FleetGateway } from './api/types/fleet-responses.js'

export function toneOf({ state, ready }: FleetGateway): 'good' | 'warn' | 'bad' {
  if (state === 'refusing' || state === 'silent' || ready === false) return 'bad'
  return state === 'running' ? 'good' : 'warn'
}
