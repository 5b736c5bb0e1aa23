import { useState } from 'preact/hooks'
import type { BlockListing } from '../../../web/api/types/rule-responses.js'
import { Badge, Card, Failure, Load } from '../../components.js'
import { useSeconds } from '../../pause-banner.js'
import { api, format, may, statusRound, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'
import { PauseDialog } from './pause-dialog.js'

export function Pauses() {
  const blocks = useApi<BlockListing>('/blocks', { limit: 1000 }, 30)
  const [asked, setAsked] = useState<string | undefined>(undefined)
  const { error, run } = useAction()
  const second = useSeconds(
    blocks.data?.items.some(({ pausedUntil }) => pausedUntil !== null) === true
  )
  const end = async (id: string): Promise<void> => {
    await run(() => api.send('DELETE', `/rules/${encodeURIComponent(id)}/pause`))
    statusRound.value++
    blocks.reload()
  }
  const close = (): void => {
    setAsked(undefined)
    blocks.reload()
  }
  return (
    <Card title={t('pause.title')}>
      <p class="faint">{t('pause.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      {asked !== undefined && (
        <PauseDialog rule={asked} longest={blocks.data?.maxPauseMinutes ?? 60} onClose={close} />
      )}
      <Load from={blocks}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="faint">
              {t('pause.none')} {t('empty.pauses')}
            </p>
          ) : (
            <>
              {!may('operate') && <p class="note">{t('needsScope', { scope: 'operate' })}</p>}
              <Table
                id="blocks"
                label={t('pause.title')}
                rows={items}
                rowId={({ id }) => id}
                columns={[
                  {
                    title: t('rule'),
                    kind: 'break',
                    cell: ({ id, rule }) => (
                      <>
                        {id}
                        <br />
                        <code class="note">{rule}</code>
                      </>
                    )
                  },
                  {
                    title: t('bans.about'),
                    kind: 'break',
                    cell: ({ sources }) => sources.map(({ title, id }) => title || id).join(', ')
                  },
                  {
                    title: t('network'),
                    kind: 'break',
                    cell: ({ networks }) => networks.join(', ')
                  },
                  {
                    title: t('state'),
                    cell: ({ state, pausedUntil, pausedBy, pauseReason }) =>
                      pausedUntil === null ? (
                        <Badge tone={state === 'in force' ? 'good' : ''}>
                          {word('state', state)}
                        </Badge>
                      ) : (
                        <>
                          <Badge tone="warn">
                            {t('pause.until', {
                              left: format.value.duration(
                                Math.max(0, Math.ceil((Date.parse(pausedUntil) - second) / 1000))
                              )
                            })}
                          </Badge>
                          <p class="note break">
                            {pausedBy}: {pauseReason}
                          </p>
                        </>
                      )
                  },
                  {
                    title: t('pause.title'),
                    isUntitled: true,
                    kind: 'end',
                    cell: ({ id, pausedUntil }) =>
                      may('operate') && (
                        <button
                          type="button"
                          class="button small"
                          aria-label={`${t(pausedUntil === null ? 'pause.start' : 'pause.end')}, ${id}`}
                          onClick={() => (pausedUntil === null ? setAsked(id) : void end(id))}
                        >
                          {t(pausedUntil === null ? 'pause.start' : 'pause.end')}
                        </button>
                      )
                  }
                ]}
              />
            </>
          )
        }
      </Load>
    </Card>
  )
}
