import type { ServiceLog } from '../../base/log/service-log.js'
import type { CounterMetrics } from './counter-metrics.js'
import { SAMPLE_INTERVAL, Trend } from './minute-trend.js'
import { readTrend, trendFile, WRITE_INTERVAL, writeTrend } from './trend-file.js'

/** Starts to record the trend of the counters, for as long as the thread lives. @param state the state folder */
export function recordTrend(
  counters: Pick<CounterMetrics, 'sample'>,
  state: string,
  log: ServiceLog
): Trend {
  const path = trendFile(state)
  const trend = new Trend(readTrend(path))
  const sample = (): void => trend.add(Date.now(), counters.sample())
  sample()
  setInterval(sample, SAMPLE_INTERVAL).unref()
  setInterval(() => writeTrend(path, trend, log), WRITE_INTERVAL).unref()
  return trend
}
