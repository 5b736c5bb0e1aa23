import type { Notice } from '../../../web/api/types/rule-responses.js'
import type { Status, Trend } from '../../../web/api/types/status-responses.js'
import { daysLeft } from '../../../web/locale-format.js'
import { urlOf } from '../../../web/pages.js'
import { format, now, t, word } from '../../state.js'
import { Tile } from '../../tile.js'

export function Tiles({
  status,
  lastHour,
  notices
}: {
  readonly status: Status | undefined
  readonly lastHour: Trend | undefined
  readonly notices: readonly Notice[] | undefined
}) {
  const { value: f } = format
  const rates = lastHour?.now
  const upstreams = status?.upstreams ?? []
  const up = upstreams.filter(({ state }) => state === 'up').length
  const next = notices?.find(({ what }) => what !== 'review due')
  const overdue = notices?.filter(({ what }) => what === 'review due').length ?? 0
  const points = lastHour?.points.flatMap(point => point ?? []) ?? []
  const sum = (of: (point: (typeof points)[number]) => number): number =>
    points.reduce((all, point) => all + of(point), 0)
  const blocked = sum(point => point.blocked)
  const all = blocked + sum(point => point.answered + point.stale + point.failed)
  const hits = sum(point => point.hits)
  const lookups = hits + sum(point => point.misses)
  return (
    <div class="tiles">
      <Tile label={t('tile.queries')} note={t('tile.lastMinute')}>
        {rates === undefined ? '–' : f.compact(rates.queriesPerSecond)}
        <small>/s</small>
      </Tile>
      <Tile
        label={t('tile.blocked')}
        note={lastHour === undefined ? '' : t('tile.lastHour', { n: blocked })}
        href={urlOf('log', { verdict: 'blocked', since: '1h' })}
      >
        {f.share(all === 0 ? null : blocked / all)}
      </Tile>
      <Tile label={t('tile.hits')} note={t('tile.hitsNote')}>
        {f.share(lookups === 0 ? null : hits / lookups)}
      </Tile>
      <Tile
        label={t('tile.time')}
        note={t('tile.timeNote', { p99: f.milliseconds(rates?.p99Ms ?? null) })}
      >
        {f.milliseconds(rates?.p50Ms ?? null)}
      </Tile>
      <Tile
        label={t('tile.upstreams')}
        note={status === undefined ? '' : t(upstreamsNote(upstreams))}
        href={urlOf('system')}
      >
        {status === undefined ? '–' : `${up}/${upstreams.length}`}
      </Tile>
      <Tile
        label={t('tile.rules')}
        note={
          status === undefined
            ? ''
            : t('tile.rulesNote', { n: status.rules.bans, sha: status.rules.sha256.slice(0, 8) })
        }
        href={urlOf('change')}
      >
        {status === undefined
          ? '–'
          : f.duration(Math.max(1, (now.value - Date.parse(status.rules.since)) / 1000), 1)}
      </Tile>
      <Tile
        label={t('tile.deadline')}
        note={
          notices === undefined
            ? ''
            : overdue > 0
              ? t('tile.overdue', { n: overdue })
              : next === undefined
                ? t('tile.noDeadline')
                : `${next.id} · ${word('notice', next.what)}`
        }
        href={urlOf('bans', { view: 'calendar' })}
      >
        {next === undefined ? '–' : t('days', { n: Math.max(0, daysLeft(next.at, now.value)) })}
      </Tile>
    </div>
  )
}

function upstreamsNote(upstreams: Status['upstreams']) {
  if (upstreams.some(({ state }) => state === 'down')) return 'tile.upstreamsDown'
  const isUp = upstreams.every(({ state }) => state === 'up')
  return isUp ? 'tile.upstreamsUp' : 'tile.upstreamsUnknown'
}
