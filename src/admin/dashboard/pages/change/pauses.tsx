import { useEffect, useState } from 'preact/hooks'
import type { Block, Listing } from '../../../web/api/types/rule-responses.js'
import { Badge, Card, Failure, Load, Select } from '../../components.js'
import { api, format, may, t, word } from '../../state.js'
import { Table } from '../../table.js'
import { useAction, useApi } from '../../use-api.js'

const MINUTES = [15, 60, 240, 1440]

export function Pauses() {
  const blocks = useApi<Listing<Block>>('/blocks', { limit: 1000 }, 30)
  const [minutes, setMinutes] = useState(15)
  const { error, run } = useAction()
  const [second, setSecond] = useState(Date.now())
  const isPaused = blocks.data?.items.some(({ pausedUntil }) => pausedUntil !== null) === true
  useEffect(() => {
    if (!isPaused) return undefined
    const timer = setInterval(() => setSecond(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isPaused])
  const change = async (id: string, isStart: boolean): Promise<void> => {
    const path = `/rules/${encodeURIComponent(id)}/pause`
    await run(() => (isStart ? api.send('PUT', path, { minutes }) : api.send('DELETE', path)))
    setSecond(Date.now())
    blocks.reload()
  }
  return (
    <Card title={t('pause.title')}>
      <p class="faint">{t('pause.intro')}</p>
      {error !== undefined && <Failure error={error} />}
      <Load from={blocks}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="faint">{t('pause.none')}</p>
          ) : (
            <>
              {may('operate') ? (
                <Select
                  label={t('pause.for')}
                  value={String(minutes)}
                  options={MINUTES.map(
                    one => [String(one), format.value.duration(one * 60)] as const
                  )}
                  onChange={chosen => setMinutes(Number(chosen))}
                />
              ) : (
                <p class="note">{t('needsScope', { scope: 'operate' })}</p>
              )}
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
                    cell: ({ state, pausedUntil }) =>
                      pausedUntil === null ? (
                        <Badge tone={state === 'in force' ? 'good' : ''}>
                          {word('state', state)}
                        </Badge>
                      ) : (
                        <Badge tone="warn">
                          {t('pause.until', {
                            left: format.value.duration(
                              Math.max(0, Math.ceil((Date.parse(pausedUntil) - second) / 1000))
                            )
                          })}
                        </Badge>
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
                          onClick={() => void change(id, pausedUntil === null)}
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
