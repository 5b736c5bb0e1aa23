import { basename } from 'node:path'

/** Modules below `src` that run as threads or, the archive's, as a process. Packed, all are in one folder. */
export const THREAD_FILES = [
  'gateway/alerts/alert-main.js',
  'lookups/threads/archive-main.js',
  'gateway/bindings/bindings-main.js',
  'gateway/compiler/compiler-main.js',
  'lookups/threads/export-main.js',
  'sources/refresh/fetcher-main.js',
  'fleet/agent/fleet-main.js',
  'admin/server/http-main.js',
  'gateway/compiler/list-main.js',
  'gateway/egress/observation-main.js',
  'gateway/probe/probe-main.js',
  'lookups/threads/recorder-main.js',
  'sources/refresh/transfer-main.js',
  'gateway/validation/validation-main.js',
  'gateway/workers/worker-main.js'
] as const

/** The path below `src` of a module that is named by its file: `worker-main.js`. */
export function threadFile(name: string): string {
  const found = THREAD_FILES.find(path => basename(path) === name)
  if (found === undefined) throw new Error(`no thread runs ${name}`)
  return found
}
