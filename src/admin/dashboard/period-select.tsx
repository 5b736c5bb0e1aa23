import { spanTimes } from '../web/explore-query.js'
import type { Filters } from '../web/log-filter.js'
import { Select } from './components.js'
import { format, t } from './state.js'

const SPANS = ['15m', '1h', '24h', '7d', '30d'] as const
type Span = (typeof SPANS)[number]

/** True if the period moves with the clock. */
export const isSpan = (since: string): since is Span => SPANS.some(one => one === since)

/** The times of the address. */
export function periodText({ since = '', until }: Filters): string {
  const show = (at: string): string =>
    Number.isNaN(Date.parse(at)) ? at : format.value.dateTime(at)
  return [since, until ?? t('log.untilNow')].map(show).join(' – ')
}

/** A choice of spans that end now. The address gets their times, so that links show the same later. */
export function PeriodSelect({
  period,
  spans = SPANS,
  hasAll = false,
  onChange
}: {
  readonly period: Pick<Filters, 'since' | 'until'>
  readonly spans?: readonly Span[]
  /** Offers all times, too. */
  readonly hasAll?: boolean
  readonly onChange: (times: Pick<Filters, 'since' | 'until'>) => void
}) {
  const since = period.since ?? ''
  return (
    <Select
      label={t('log.period')}
      value={since}
      options={[
        ...(hasAll ? [['', t('log.all')] as const] : []),
        ...spans.map(one => [one, t(`span.${one}`)] as const),
        // A time that came with the address.
        ...(since === '' || spans.some(one => one === since)
          ? []
          : [[since, periodText(period)] as const])
      ]}
      onChange={chosen => onChange(spanTimes(chosen, Date.now()))}
    />
  )
}
