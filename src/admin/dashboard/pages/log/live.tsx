import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../../../web/api/client.js'
import type { Lookup } from '../../../web/api/types/log-responses.js'
import { periodOf } from '../../../web/explore-query.js'
import { streamQuery } from '../../../web/log-filter.js'
import { urlOf } from '../../../web/pages.js'
import { Failure } from '../../components.js'
import { api, t } from '../../state.js'
import { Rows, type View } from './rows.js'

/** Live lookups that are shown at most; older ones are found by a search. */
const MAX_LIVE = 2_000

/** Lookups as they are logged. */
export function Live({ filters, go }: View) {
  const [items, setItems] = useState<readonly Lookup[]>([])
  const [isPaused, setPaused] = useState(false)
  const [dropped, setDropped] = useState(0)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isOpen, setOpen] = useState(false)
  const waiting = useRef<Lookup[]>([])
  // Somebody who copies the address of a paused view means what it shows, not what comes later.
  const pause = (isWanted: boolean): void => {
    const last = items[0]?.time ?? new Date().toISOString()
    const first = items.at(-1)?.time ?? last
    const times = periodOf(Date.parse(first), Date.parse(last) + 1)
    const own = isWanted ? { ...filters, ...times } : { ...filters, live: '1' }
    history.replaceState(null, '', urlOf('log', own))
    setPaused(isWanted)
  }
  useEffect(() => {
    if (isPaused) return undefined
    const controller = new AbortController()
    const { signal } = controller
    const hasLeft = (): boolean => signal.aborted
    const onEvent = ({ type, data }: { type: string; data: string }): void => {
      if (type === 'lookup') waiting.current.push(JSON.parse(data) as Lookup)
      else if (type === 'dropped')
        setDropped(count => count + (JSON.parse(data) as { lookups: number }).lookups)
    }
    const read = async (): Promise<void> => {
      while (!hasLeft()) {
        try {
          setOpen(true)
          await api.stream(
            '/lookups/stream',
            { ...streamQuery(filters), lines: 100 },
            onEvent,
            signal
          )
          setError(undefined)
        } catch (reason) {
          const failed = reason as ApiError
          if (hasLeft()) return
          if (failed.status !== 0) setError(failed)
          if (failed.status !== 0 && failed.code !== 'API_BUSY') return
        }
        setOpen(false)
        await new Promise(done => setTimeout(done, 2_000))
        waiting.current = []
        setItems([])
      }
    }
    void read()
    // Many lookups are drawn at once: the page stays quick, however many there are.
    const timer = setInterval(() => {
      const { current } = waiting
      if (current.length === 0) return
      waiting.current = []
      setItems(items => [...current.reverse(), ...items].slice(0, MAX_LIVE))
    }, 250)
    return () => {
      controller.abort()
      clearInterval(timer)
    }
  }, [isPaused])
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      <div class="row apart">
        <p class="note" data-stream={isOpen ? 'open' : 'closed'}>
          {isPaused ? t('log.paused') : t('log.following')}
          {dropped > 0 && ` ${t('log.dropped', { n: dropped })}`}
        </p>
        <button type="button" class="button small" onClick={() => pause(!isPaused)}>
          {t(isPaused ? 'log.resume' : 'log.pause')}
        </button>
      </div>
      {items.length > 0 && <Rows items={items} go={go} filters={filters} isLive />}
    </>
  )
}
