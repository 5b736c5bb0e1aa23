import { useEffect, useMemo, useState } from 'preact/hooks'
import { ApiError } from '../../../web/api/client.js'
import type { Lookup } from '../../../web/api/types/log-responses.js'
import { searchQuery } from '../../../web/log-filter.js'
import { Failure } from '../../components.js'
import { EmptyLog } from '../../empty.js'
import { api, t } from '../../state.js'
import { Rows, type View } from './rows.js'
import { ShareLog } from './share-log.js'

const PAGE = 200

interface Found {
  readonly items: readonly Lookup[]
  readonly more: boolean
  readonly milliseconds: number
}

/** The history, page by page: more is read when the end is near. */
export function Search({ filters, go }: View) {
  const query = useMemo(() => searchQuery(filters, Date.now()), [])
  const [found, setFound] = useState<Found>({ items: [], more: true, milliseconds: 0 })
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isLoading, setLoading] = useState(true)
  const [wanted, setWanted] = useState(1)
  useEffect(() => {
    const controller = new AbortController()
    const start = performance.now()
    setLoading(true)
    const { items } = found
    const before = items.at(-1)?.time
    // Those of the same instant as the last one come again, and are left out.
    const same = before === undefined ? 0 : items.filter(({ time }) => time === before).length
    const page = before === undefined ? {} : { until: afterInstant(before), offset: same }
    api
      .get<{ items: Lookup[]; more: boolean }>(
        '/lookups',
        { ...query, ...page, limit: PAGE },
        controller.signal
      )
      .then(next => {
        const milliseconds = performance.now() - start
        setFound({ items: [...items, ...next.items], more: next.more, milliseconds })
        setLoading(false)
      })
      .catch((reason: unknown) => {
        if (controller.signal.aborted) return
        setError(reason as ApiError)
        setLoading(false)
      })
    return () => controller.abort()
  }, [wanted])
  const { items, more, milliseconds } = found
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <p class="note" role="status" data-search={isLoading ? 'running' : 'done'}>
        {isLoading
          ? t('log.searching')
          : items.length === 0
            ? error === undefined && t('log.none')
            : t(more ? 'log.foundMore' : 'log.found', {
                n: items.length,
                ms: Math.round(milliseconds)
              })}
      </p>
      {!isLoading && items.length === 0 && error === undefined && <EmptyLog filters={filters} />}
      {items.length > 0 && <ShareLog filters={filters} />}
      {(isLoading || items.length > 0) && (
        <Rows
          items={items}
          go={go}
          filters={filters}
          onEnd={() => more && !isLoading && error === undefined && setWanted(one => one + 1)}
        />
      )}
    </>
  )
}

/** Times in the log have milliseconds; the API compares with whole seconds. */
function afterInstant(time: string): string {
  return `${new Date(Math.floor(Date.parse(time) / 1000) * 1000 + 1000).toISOString().slice(0, 19)}Z`
}
