import { useState } from 'preact/hooks'
import { monthAfter, weeksOf, type CalendarEvent } from '../../../web/calendar.js'
import { urlOf } from '../../../web/pages.js'
import { Card, Id } from '../../components.js'
import { Dates } from '../../dates.js'
import { format, now, t } from '../../state.js'

export function Calendar({ events }: { readonly events: readonly CalendarEvent[] }) {
  const today = format.value.isoDay(now.value)
  const current = { year: Number(today.slice(0, 4)), month: Number(today.slice(5, 7)) - 1 }
  const [shown, setShown] = useState(current)
  const language = format.value.language
  const title = new Date(shown.year, shown.month, 1).toLocaleDateString(language, {
    month: 'long',
    year: 'numeric'
  })
  const weekdays = Array.from({ length: 7 }, (_, i) =>
    new Date(2024, 0, 1 + i).toLocaleDateString(language, { weekday: 'short' })
  )
  const ahead = events.filter(({ at }) => Date.parse(at) >= now.value - 86_400_000).slice(0, 30)
  return (
    <>
      <Card
        title={title}
        aside={
          <span class="row">
            <button
              type="button"
              class="button small"
              aria-label={t('bans.previousMonth')}
              onClick={() => setShown(monthAfter(shown, -1))}
            >
              ‹
            </button>
            <button type="button" class="button small" onClick={() => setShown(current)}>
              {t('bans.today')}
            </button>
            <button
              type="button"
              class="button small"
              aria-label={t('bans.nextMonth')}
              onClick={() => setShown(monthAfter(shown, 1))}
            >
              ›
            </button>
          </span>
        }
      >
        <table class="calendar">
          <caption class="hide">{title}</caption>
          <thead>
            <tr>
              {weekdays.map(day => (
                <th key={day} scope="col">
                  {day}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {weeksOf(shown, events, today, at => format.value.isoDay(at)).map((week, i) => (
              <tr key={i}>
                {week.map(({ day, isInside, isToday, events }) => (
                  <td key={day} class={isToday ? 'today' : isInside ? '' : 'other'}>
                    <span class="day">{day}</span>
                    {events.map(({ id, what }) => (
                      <a
                        key={`${id} ${what}`}
                        class={`event ${what}`}
                        href={urlOf('bans', { id })}
                        title={`${id}: ${t(`notice.${what}`)}`}
                      >
                        <Id text={id} /> {t(`notice.${what}`)}
                      </a>
                    ))}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      <Card title={t('bans.ahead')}>
        <Dates label={t('bans.ahead')} none={t('bans.noneAhead')} events={ahead} />
      </Card>
    </>
  )
}
