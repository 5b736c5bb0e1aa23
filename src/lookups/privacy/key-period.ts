import type { Milliseconds } from '../../base/units.js'

export type KeyRotation = 'daily' | 'monthly'

/** The UTC day or month in which a key is used: `2023-03-13`, `2023-03`. Sorts chronologically. */
export type Period = string

const PERIOD = /^\d{4}-\d{2}(-\d{2})?$/

export function periodOf(wall: Milliseconds, rotation: KeyRotation): Period {
  return new Date(wall).toISOString().slice(0, rotation === 'daily' ? 10 : 7)
}

export function isPeriod(text: string): boolean {
  return PERIOD.test(text) && !Number.isNaN(startOf(text))
}

/** The first instant of a period. */
export function startOf(period: Period): Milliseconds {
  return Date.parse(period.length === 7 ? `${period}-01T00:00Z` : `${period}T00:00Z`)
}

/** The first instant after a period. */
export function endOf(period: Period): Milliseconds {
  const start = new Date(startOf(period))
  return period.length === 7
    ? start.setUTCMonth(start.getUTCMonth() + 1)
    : start.setUTCDate(start.getUTCDate() + 1)
}
