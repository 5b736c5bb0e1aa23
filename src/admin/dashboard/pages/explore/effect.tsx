import { useState } from 'preact/hooks'
import type { BanEffect } from '../../../web/api/types/explore-responses.js'
import type { Ban, Listing } from '../../../web/api/types/rule-responses.js'
import { urlOf } from '../../../web/pages.js'
import { Alert, Card, Load, Select } from '../../components.js'
import { LazyChart } from '../../lazy-chart.js'
import { format, navigate, place, t } from '../../state.js'
import { Table } from '../../table.js'
import { Tile } from '../../tile.js'
import { useApi } from '../../use-api.js'

const WEEKS = ['1', '2', '4', '8'] as const

/** Did a ban work: the days before it and its first weeks. */
export function Effect({ ban: chosen }: { readonly ban: string | undefined }) {
  const bans = useApi<Listing<Ban>>('/bans', { limit: 1000 })
  const [weeks, setWeeks] = useState('2')
  return (
    <Load from={bans}>
      {({ items }) => {
        const begun = items.filter(({ state }) => state !== 'to come')
        const ban = chosen ?? begun.find(({ from }) => from !== null)?.id ?? begun[0]?.id
        if (ban === undefined) return <p class="faint">{t('bans.none')}</p>
        return (
          <>
            <div class="row ends">
              <Select
                label={t('filter.ban')}
                value={ban}
                options={[...new Set(begun.map(({ id }) => id))]}
                onChange={id => navigate(urlOf('explore', { view: 'effect', ban: id }))}
              />
              <Select
                label={t('hours.weeks')}
                value={weeks}
                options={[...WEEKS]}
                onChange={setWeeks}
              />
            </div>
            <Compared key={`${ban} ${weeks} ${place.value.page}`} ban={ban} weeks={weeks} />
          </>
        )
      }}
    </Load>
  )
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0) / known.length
}

const perDay = (value: number | null): string =>
  value === null ? t('effect.unknown') : format.value.compact(value)

function Compared({ ban, weeks }: { readonly ban: string; readonly weeks: string }) {
  const found = useApi<BanEffect>(`/bans/${encodeURIComponent(ban)}/effect`, { weeks })
  return (
    <Load from={found}>
      {data =>
        data.from === null ? (
          <p data-effect="unknown">{t('effect.noStart')}</p>
        ) : (
          <Shown ban={ban} data={data} from={data.from} />
        )
      }
    </Load>
  )
}

function Shown({
  ban,
  data,
  from
}: {
  readonly ban: string
  readonly data: BanEffect
  readonly from: string
}) {
  const { before, after, weekdays, entries, more } = data
  const was = meanOf(weekdays.map(one => one.before))
  const answered = meanOf(weekdays.map(one => one.answered))
  const blocked = meanOf(weekdays.map(one => one.blocked))
  const days = [...before, ...after]
  const log = urlOf('log', { ban, since: from, until: after.at(-1)?.at ?? '' })
  const { value: f } = format
  return (
    <>
      <div class="tiles" style={{ '--count': 3 }} data-effect="shown">
        <Tile label={t('effect.before')} note={t('effect.perDay')}>
          {perDay(was)}
        </Tile>
        <Tile label={t('effect.blocked')} note={t('effect.perDay')} href={log}>
          {perDay(blocked)}
        </Tile>
        <Tile
          label={t('effect.answered')}
          note={
            was === null || answered === null || was === 0
              ? t('effect.perDay')
              : t('effect.change', { share: f.change(answered / was - 1) })
          }
        >
          {perDay(answered)}
        </Tile>
      </div>
      {was === null && (
        <Alert tone="warn" title={t('effect.noBefore')}>
          <p>{t('effect.noBeforeText')}</p>
        </Alert>
      )}
      <Card
        title={t('effect.days')}
        aside={<span class="note">{t('effect.from', { time: f.dateTime(from) })}</span>}
      >
        {days.length > 1 && (
          <LazyChart
            label={t('effect.days')}
            times={days.map(({ at }) => Date.parse(at) / 1000)}
            height={220}
            show={value => (value === null ? '–' : f.compact(value))}
            series={[
              {
                label: t('effect.answered'),
                tone: 'answered',
                values: days.map(one => one.answered),
                isArea: true
              },
              { label: t('effect.blocked'), tone: 'blocked', values: days.map(one => one.blocked) }
            ]}
          />
        )}
        <p class="note">{t(more ? 'effect.entriesMore' : 'effect.entries', { n: entries })}</p>
      </Card>
      <Card title={t('effect.weekdays')}>
        <Table
          id="weekdays"
          label={t('effect.weekdays')}
          rows={weekdays}
          columns={[
            { title: t('effect.weekday'), cell: ({ weekday }) => f.weekday(weekday) },
            { title: t('effect.before'), kind: 'n', cell: ({ before }) => perDay(before) },
            { title: t('effect.blocked'), kind: 'n', cell: ({ blocked }) => perDay(blocked) },
            { title: t('effect.answered'), kind: 'n', cell: ({ answered }) => perDay(answered) }
          ]}
        />
      </Card>
    </>
  )
}
