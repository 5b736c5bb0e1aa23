import type { FleetGateway } from './api/types.js'

/** Problems first: a gateway that refuses a bundle needs somebody, one that is behind may only need a moment. */
const RANKS: Readonly<Record<FleetGateway['state'], number>> = {
  refusing: 0,
  silent: 1,
  behind: 2,
  unseen: 4,
  running: 5
}
const NOT_READY = 3

function rankOf({ state, ready }: FleetGateway): number {
  return Math.min(RANKS[state], ready === false ? NOT_READY : Infinity)
}

export function toneOf({ state, ready }: FleetGateway): 'good' | 'warn' | 'bad' {
  if (state === 'refusing' || state === 'silent' || ready === false) return 'bad'
  return state === 'running' ? 'good' : 'warn'
}

/** The gateways that have all words of the filter, those with problems first, then by name. */
export function filterGateways<T extends FleetGateway>(all: readonly T[], filter: string): T[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  return all
    .filter(({ name, ring, state, program, problems }) => {
      const text = [name, ring, state, program ?? '', ...problems].join(' ').toLowerCase()
      return words.every(word => text.includes(word))
    })
    .sort((a, b) => rankOf(a) - rankOf(b) || (a.name < b.name ? -1 : 1))
}
