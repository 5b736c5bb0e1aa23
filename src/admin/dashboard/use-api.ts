import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, type Query } from '../web/api/client.js'
import { api } from './state.js'

export interface Resource<T> {
  /** What was read last, even if it cannot be read again now. */
  readonly data: T | undefined
  readonly error: ApiError | undefined
  readonly isLoading: boolean
  /** Reads it again now. */
  readonly reload: () => void
}

/**
 * Reads a route of the API, and again from time to time while the page is visible.
 *
 * @param path undefined: nothing is read
 * @param every seconds; 0: once
 */
export function useApi<T>(path: string | undefined, query: Query = {}, every = 0): Resource<T> {
  const [data, setData] = useState<T | undefined>(undefined)
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isLoading, setLoading] = useState(path !== undefined)
  const [round, setRound] = useState(0)
  const key = `${path ?? ''} ${JSON.stringify(query)}`
  const last = useRef(key)
  useEffect(() => {
    if (last.current !== key) setData(undefined)
    last.current = key
    if (path === undefined) return undefined
    const controller = new AbortController()
    const { signal } = controller
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = async (): Promise<void> => {
      if (document.visibilityState === 'visible' || round === 0) {
        setLoading(true)
        try {
          setData(await api.get<T>(path, query, signal))
          setError(undefined)
        } catch (found) {
          if (signal.aborted) return
          setError(found instanceof ApiError ? found : new ApiError(0, 'FAULT', String(found)))
        }
        setLoading(false)
      }
      if (every > 0 && !signal.aborted) timer = setTimeout(() => void read(), every * 1000)
    }
    void read()
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [key, every, round])
  const reload = useCallback(() => setRound(one => one + 1), [])
  return { data, error, isLoading, reload }
}

export interface Action {
  /** Why it failed last time. */
  readonly error: ApiError | undefined
  readonly isBusy: boolean
  readonly run: (work: () => Promise<void>) => Promise<void>
}

/** Something that a person starts with a button. */
export function useAction(): Action {
  const [error, setError] = useState<ApiError | undefined>(undefined)
  const [isBusy, setBusy] = useState(false)
  const run = async (work: () => Promise<void>): Promise<void> => {
    setError(undefined)
    setBusy(true)
    try {
      await work()
    } catch (reason) {
      setError(reason as ApiError)
    }
    setBusy(false)
  }
  return { error, isBusy, run }
}
