import { MS_PER_SECOND } from '../../base/units.js'
import type { MetricFamily, MetricSample } from './metrics-text.js'

type Labels = Readonly<Record<string, string>>

/** Epoch seconds. */
export const timeOf = (rfc3339: string): number => Date.parse(rfc3339) / MS_PER_SECOND

export function byLabel(label: string, values: Readonly<Record<string, number>>): MetricSample[] {
  return Object.entries(values).map(([word, value]) => ({ value, labels: { [label]: word } }))
}

export const info = (name: string, help: string, ...all: readonly Labels[]): MetricFamily => {
  return { name, type: 'info', help, samples: all.map(labels => ({ value: 1, labels })) }
}
export const gauges = (
  name: string,
  help: string,
  samples: readonly MetricSample[]
): MetricFamily => {
  return { name, type: 'gauge', help, samples }
}
export const gauge = (name: string, help: string, value: number) => gauges(name, help, [{ value }])
export const counters = (
  name: string,
  help: string,
  samples: readonly MetricSample[]
): MetricFamily => {
  return { name, type: 'counter', help, samples }
}
export const counter = (name: string, help: string, value: number) =>
  counters(name, help, [{ value }])

/** A gauge without a sample while what it is about does not exist. */
export function optional<T>(
  name: string,
  help: string,
  source: T | null | undefined,
  value: (source: T) => number | null | undefined
): MetricFamily {
  const found = source === null || source === undefined ? undefined : value(source)
  return gauges(name, help, found === null || found === undefined ? [] : [{ value: found }])
}

/** As `optional`, for counters. */
export function optionals<T>(
  name: string,
  help: string,
  source: T | null,
  samples: (source: T) => readonly MetricSample[]
): MetricFamily {
  return counters(name, help, source === null ? [] : samples(source))
}
