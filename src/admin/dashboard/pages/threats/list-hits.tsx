import type { LookupGroups } from '../../../web/api/types/explore-responses.js'
import { urlOf } from '../../../web/pages.js'
import { Card, Failure, Load } from '../../components.js'
import { api, format, navigate, t } from '../../state.js'
import { Table, type Column } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'
import { timeOf } from '../explore/groups.js'
import type { Period } from '../../../web/explore-query.js'
import { clientsLabel } from '../../clients-label.js'

type Group = LookupGroups['groups'][number]

const WEEK = 7 * 86_400_000

/** What a list has matched: names to allow if they are no threat, and the entries with their lines. */
export function ListHits({ list, period }: { readonly list: string; readonly period: Period }) {
  const query = { ...period, list, top: 20 }
  const names = useApi<LookupGroups>('/lookups/groups', { ...query, by: 'name' })
  const entries = useApi<LookupGroups>('/lookups/groups', { ...query, by: 'entry' })
  const { error, isBusy, run } = useAction()
  // The form has the network in which the list has matched the name, and what kind of rule lifts it there.
  const allow = (name: string): Promise<void> =>
    run(async () => {
      const of = { ...period, list, name: `=${name}`, top: 1 }
      const [networks, bans] = await Promise.all(
        ['network', 'ban'].map(by => api.get<LookupGroups>('/lookups/groups', { ...of, by }))
      )
      navigate(
        urlOf('change', {
          add: bans!.groups.length > 0 ? 'exception' : 'allow',
          name: `=${name}`,
          network: networks!.groups[0]?.key,
          why: t('threats.falsePositive', { list }),
          until: format.value.isoDay(Date.now() + WEEK)
        })
      )
    })
  const { value: f } = format
  const figures: readonly Column<Group>[] = [
    { title: t('threats.hits'), kind: 'n', cell: ({ lookups }) => f.count(lookups) },
    {
      title: clientsLabel(names.data?.privacy),
      kind: 'n',
      cell: ({ clients }) => f.count(clients)
    },
    { title: t('explore.firstSeen'), kind: 'date', cell: ({ first }) => timeOf(first) },
    { title: t('explore.last'), kind: 'date', cell: ({ last }) => timeOf(last) }
  ]
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <Card title={t('threats.names', { list })}>
        <Load from={names}>
          {({ groups }) => (
            <Table
              id="names"
              label={t('threats.names', { list })}
              none={t('threats.noHits')}
              rows={groups}
              rowId={({ key }) => key}
              columns={[
                {
                  title: t('name'),
                  kind: 'break',
                  cell: ({ key }) => (
                    <a href={urlOf('explore', { ...period, name: `=${key}` })}>{key}</a>
                  )
                },
                ...figures,
                {
                  title: t('threats.allow'),
                  isUntitled: true,
                  kind: 'end',
                  cell: ({ key }) => (
                    <button
                      type="button"
                      class="button small"
                      aria-label={`${t('threats.allow')}, ${key}`}
                      disabled={isBusy}
                      onClick={() => void allow(key)}
                    >
                      {t('threats.allow')}
                    </button>
                  )
                }
              ]}
            />
          )}
        </Load>
      </Card>
      <Card title={t('threats.entries', { list })}>
        <Load from={entries}>
          {({ groups }) => (
            <Table
              id="entries"
              label={t('threats.entries', { list })}
              none={t('threats.noEntries')}
              rows={groups}
              columns={[
                {
                  title: t('threats.entry'),
                  kind: 'break',
                  cell: ({ key }) => <code>{key.split(' ', 1)[0]}</code>
                },
                {
                  title: t('why.where'),
                  kind: 'break',
                  cell: ({ key }) => <code>{key.slice(key.indexOf(' ') + 1)}</code>
                },
                ...figures
              ]}
            />
          )}
        </Load>
      </Card>
    </>
  )
}
