import type { Seconds } from '../../../base/units.js'
import type { Term } from '../model/types.js'
import { END_OF_TIME } from './shortfall.js'

/** The rest of a term that has not ended, with a finite end; undefined: it has ended. */
export function remaining({ from, until }: Term, now: Seconds): Term | undefined {
  return overlap({ from, until }, { from: now, until: END_OF_TIME })
}

export function overlap(one: Term, other: Term): Term | undefined {
  const from = Math.max(one.from, other.from)
  const until = Math.min(one.until, other.until)
  return from < until ? { from, until } : undefined
}

/** The parts of a term in which none of the other terms is active. */
export function gapsIn(term: Term, others: readonly Term[]): Term[] {
  const gaps: Term[] = []
  let { from } = term
  for (const other of others.toSorted((a, b) => a.from - b.from)) {
    if (other.until <= from) continue
    if (other.from >= term.until) break
    if (other.from > from) gaps.push({ from, until: other.from })
    from = other.until
  }
  return from < term.until ? [...gaps, { from, until: term.until }] : gaps
}
