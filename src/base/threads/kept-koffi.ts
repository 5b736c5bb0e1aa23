import { existsSync, openSync } from 'node:fs'
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { koffiFile, loadKoffiFrom } from '../system/linux.js'

/** Key of the environment data: a path. */
const KEPT_KOFFI = 'interdict: koffi'

/**
 * Keeps koffi's native library open, so that workers started after its file was replaced or deleted load
 * the same one. The path of an open file leads to it even then: proc(5), /proc/pid/fd. Does nothing
 * without /proc, or if this thread has not loaded koffi.
 */
export function keepKoffi(): void {
  const file = koffiFile()
  if (file === undefined) return
  const path = `/proc/self/fd/${openSync(file, 'r')}`
  setEnvironmentData(KEPT_KOFFI, existsSync(path) ? path : undefined)
}

/** Makes this thread load koffi from where `keepKoffi` keeps it. */
export function useKeptKoffi(): void {
  const path = getEnvironmentData(KEPT_KOFFI)
  if (typeof path === 'string') loadKoffiFrom(path)
}
