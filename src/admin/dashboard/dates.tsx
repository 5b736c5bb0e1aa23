import type { CalendarEvent } from '../web/calendar.js'
import { urlOf } from '../web/pages.js'
import { Badge, Id } from './components.js'
import { format, now, t } from './state.js'
import { Table } from './table.js'

/** What begins, ends or is to be reviewed. */
export interface DatedEvent extends Pick<CalendarEvent, 'at' | 'id' | 'kind'> {
  readonly what: CalendarEvent['what'] | 'review due'
}

interface DatesProps {
  readonly label: string
  readonly events: readonly DatedEvent[]
  /** What is said if there are none. */
  readonly none: string
}

export function Dates({ label, events, none }: DatesProps) {
  return (
    <Table
      id="dates"
      label={label}
      none={none}
      rows={events}
      columns={[
        {
          title: t('date'),
          isUntitled: true,
          kind: 'date',
          cell: ({ at }) => (
            <>
              {format.value.day(at)}
              <br />
              <span class="note">{format.value.ago(at, now.value)}</span>
            </>
          )
        },
        {
          title: t('rule'),
          isUntitled: true,
          kind: 'break',
          cell: ({ id, kind, what }) => (
            <>
              <a href={urlOf('bans', { id })}>
                <Id text={id} />
              </a>
              <br />
              <Badge tone={what === 'ends' ? 'bad' : what === 'starts' ? 'good' : 'warn'}>
                {t(`kind.${kind}`)} · {t(`notice.${what}`)}
              </Badge>
            </>
          )
        }
      ]}
    />
  )
}
