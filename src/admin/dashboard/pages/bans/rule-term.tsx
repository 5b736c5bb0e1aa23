import type { RuleState } from '../../../web/api/types/rule-responses.js'
import { daysLeft } from '../../../web/locale-format.js'
import { Badge } from '../../components.js'
import { format, now, t, word } from '../../state.js'
import type { Column } from '../../table.js'

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

/** What all exceptions have. */
interface ExceptionTerm {
  readonly purpose: string
  readonly approvedBy: string
  readonly until: string | null
  readonly state: RuleState
}

/** Why an exception is made, and who approved it. */
export const approvalColumns = (): readonly Column<ExceptionTerm>[] => [
  { title: t('bans.purpose'), cell: ({ purpose }) => purpose },
  { title: t('bans.approver'), cell: ({ approvedBy }) => approvedBy }
]

/** When an exception ends, and whether it is in force. */
export const termColumns = (): readonly Column<ExceptionTerm>[] => [
  {
    title: t('bans.lastDay'),
    cell: ({ until }) => (
      <>
        {lastDayOf(until) ?? t('bans.open')} <Left until={until} />
      </>
    )
  },
  {
    title: t('state'),
    cell: ({ state }) => <Badge tone={TONES[state]}>{word('state', state)}</Badge>
  }
]
