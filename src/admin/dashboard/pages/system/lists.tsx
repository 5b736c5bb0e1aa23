import { useState } from 'preact/hooks'
import type { List, Listing } from '../../../web/api/types/rule-responses.js'
import { Badge, Card, Failure, Load } from '../../components.js'
import { api, format, may, now, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, type Resource } from '../../use-api.js'
import { toneOf } from './state-cards.js'

export function Lists({ lists }: { readonly lists: Resource<Listing<List>> }) {
  const [busy, setBusy] = useState('')
  const { error, run } = useAction()
  const act = async (id: string, action: 'update' | 'confirm'): Promise<void> => {
    setBusy(id)
    await run(() => api.send('POST', `/lists/${encodeURIComponent(id)}/${action}`))
    setBusy('')
    lists.reload()
  }
  return (
    <Card title={t('system.lists')}>
      {error !== undefined && <Failure error={error} />}
      <Load from={lists}>
        {({ items }) => (
          <Table
            none={t('system.noLists')}
            label={t('system.lists')}
            rows={items}
            columns={[
              { title: t('name'), cell: ({ id }) => id },
              {
                title: t('state'),
                cell: ({ state, error }) => (
                  <>
                    <Badge tone={toneOf(state)}>{word('state', state)}</Badge>
                    {error !== null && <p class="note break">{error.message}</p>}
                  </>
                )
              },
              {
                title: t('system.entries'),
                kind: 'n',
                cell: ({ entries }) => format.value.count(entries)
              },
              {
                title: t('system.age'),
                cell: ({ fetched }) =>
                  fetched === null ? '–' : format.value.ago(fetched, now.value)
              },
              { title: t('system.source'), kind: 'break', cell: ({ source }) => source },
              {
                title: t('system.actions'),
                isUntitled: true,
                kind: 'end',
                cell: ({ id, state }) =>
                  may('operate') &&
                  state !== 'local' && (
                    <button
                      type="button"
                      class="button small"
                      disabled={busy === id}
                      aria-label={`${t(state === 'quarantined' ? 'system.confirm' : 'system.update')}, ${id}`}
                      onClick={() => void act(id, state === 'quarantined' ? 'confirm' : 'update')}
                    >
                      {t(state === 'quarantined' ? 'system.confirm' : 'system.update')}
                    </button>
                  )
              }
            ]}
          />
        )}
      </Load>
    </Card>
  )
}
