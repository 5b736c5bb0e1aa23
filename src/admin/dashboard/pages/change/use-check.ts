import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError, Upload } from '../../../web/api/client.js'
import type { Checked } from '../../../web/api/types/rule-responses.js'
import { api } from '../../state.js'
import { FOLDER } from './proposal.js'

/** A pause in typing, in milliseconds. */
const PAUSE = 800

export interface LiveCheck {
  /** Of the newest text that was checked; undefined: none yet, or nothing is changed. */
  readonly check: Checked['check'] | undefined
  readonly error: ApiError | undefined
  readonly isRunning: boolean
}

/**
 * Checks changed files as they are typed, as `interdict check` does. The next check begins when the previous one has ended: however
 * fast somebody types, it is one process on the gateway.
 */
export function useCheck(changed: Readonly<Record<string, string>>): LiveCheck {
  const body = JSON.stringify(changed)
  const [found, setFound] = useState<LiveCheck>({ ...NOTHING, isRunning: body !== '{}' })
  const running = useRef<Promise<void>>(Promise.resolve())
  useEffect(() => {
    if (body === '{}') {
      setFound(NOTHING)
      return undefined
    }
    const controller = new AbortController()
    const { signal } = controller
    const run = async (): Promise<void> => {
      await running.current
      if (signal.aborted) return
      running.current = send({ type: FOLDER, body }).then(one => {
        if (!signal.aborted) setFound(one)
      })
    }
    setFound(before => ({ ...before, isRunning: true }))
    const timer = setTimeout(() => void run(), PAUSE)
    return () => {
      controller.abort()
      clearTimeout(timer)
    }
  }, [body])
  return found
}

const NOTHING: LiveCheck = { check: undefined, error: undefined, isRunning: false }

async function send(upload: Upload): Promise<LiveCheck> {
  const path = '/rules/candidate?base=active&diff=false&replay=false'
  try {
    const { check } = (await api.send<Checked>('POST', path, upload))!
    return { check, error: undefined, isRunning: false }
  } catch (error) {
    return { check: undefined, error: error as ApiError, isRunning: false }
  }
}
