import type { RuleState } from '../../../web/api/types/rule-responses.js'
import { daysLeft } from '../../../web/locale-format.js'
import { Badge } from '../../components.js'
import { format, now, t } from '../../state.js'

/** Of badges. */
export const TONES: Readonly<Record<RuleState, string>> = {
  'in force': 'good',
  'outside its hours': 'warn',
  'to come': '',
  ended: ''
}

export const lastDayOf = (end: string | null): string | null =>
  end === null ? null : format.value.lastDay(end)

/** Days until the end. */
export function Left({ until }: { readonly until: string | null }) {
  if (until === null) return null
  const days = daysLeft(until, now.value)
  if (days < 0) return null
  return (
    <Badge tone={days <= 14 ? 'bad' : days <= 31 ? 'warn' : ''}>{t('daysLeft', { n: days })}</Badge>
  )
}
