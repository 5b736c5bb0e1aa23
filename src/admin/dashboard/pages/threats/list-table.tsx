import type { GroupSums } from '../../../web/api/types/explore-responses.js'
import type { List } from '../../../web/api/types/rule-responses.js'
import { urlOf } from '../../../web/pages.js'
import { clientsLabel } from '../../clients-label.js'
import { Badge } from '../../components.js'
import { format, now, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { timeOf } from '../explore/groups.js'
import { toneOf } from '../system/state-cards.js'
import type { Period } from '../../../web/explore-query.js'

type Hit = GroupSums & { readonly key: string }

interface Row {
  readonly id: string
  /** Undefined: the rules do not have it any more. */
  readonly list: List | undefined
  readonly hit: Hit | undefined
}

/** Each list with what it matched, and how it is. */
export function ListTable({
  lists,
  hits,
  chosen,
  period,
  privacy
}: {
  readonly lists: readonly List[]
  readonly hits: readonly Hit[]
  readonly chosen: string
  readonly period: Period
  readonly privacy: readonly string[]
}) {
  const { value: f } = format
  const ids = [...new Set([...hits.map(({ key }) => key), ...lists.map(({ id }) => id)])]
  const rows = ids.map((id): Row => {
    const list = lists.find(one => one.id === id)
    return { id, list, hit: hits.find(({ key }) => key === id) }
  })
  return (
    <Table
      id="lists"
      label={t('threats.lists')}
      none={t('system.noLists')}
      rows={rows}
      rowId={({ id }) => id}
      columns={[
        {
          title: t('filter.list'),
          cell: ({ id }) => (
            <a
              href={urlOf('threats', { ...period, list: id === chosen ? '' : id })}
              aria-current={id === chosen ? 'true' : undefined}
            >
              {id}
            </a>
          )
        },
        {
          title: t('threats.hits'),
          kind: 'n',
          cell: ({ id, hit }) =>
            hit === undefined ? (
              '0'
            ) : (
              <a href={urlOf('log', { ...period, list: id })}>{f.count(hit.lookups)}</a>
            )
        },
        {
          title: clientsLabel(privacy),
          kind: 'n',
          cell: ({ hit }) => f.count(hit?.clients ?? 0)
        },
        {
          title: t('explore.firstSeen'),
          kind: 'date',
          cell: ({ hit }) => timeOf(hit?.first ?? null)
        },
        { title: t('explore.last'), kind: 'date', cell: ({ hit }) => timeOf(hit?.last ?? null) },
        {
          title: t('state'),
          cell: ({ list }) =>
            list === undefined ? (
              <Badge>{t('threats.removed')}</Badge>
            ) : (
              <>
                <Badge tone={toneOf(list.state)}>{word('state', list.state)}</Badge>
                {list.error !== null && <p class="note break">{list.error.message}</p>}
              </>
            )
        },
        {
          title: t('system.age'),
          cell: ({ list }) => (list?.fetched == null ? '–' : f.ago(list.fetched, now.value))
        },
        {
          title: t('system.entries'),
          kind: 'n',
          cell: ({ list }) => (list === undefined ? '–' : f.count(list.entries))
        },
        { title: t('system.source'), kind: 'break', cell: ({ list }) => list?.source ?? '–' }
      ]}
    />
  )
}
