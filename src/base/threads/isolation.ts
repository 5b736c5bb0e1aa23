import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** V8's flag for a process that never compiles JavaScript from strings, whatever a dependency tries. */
export const NO_CODE_FROM_STRINGS = '--disallow-code-generation-from-strings'

/**
 * Options of Node for a process that only reads: its JavaScript starts no process and writes only temporary files, where
 * DuckDB spills to. DuckDB itself is native code, which the service unit confines. Node before 22.13 has no permissions; with
 * them it has no fsync, which processes that write need.
 */
export function readerOptions(known = process.allowedNodeEnvironmentFlags): readonly string[] {
  if (!known.has('--permission')) return [NO_CODE_FROM_STRINGS]
  return [
    NO_CODE_FROM_STRINGS,
    '--permission',
    ...['--allow-fs-read=*', `--allow-fs-write=${join(tmpdir(), '*')}`, '--allow-addons'],
    // Node warns of each of these permissions.
    '--disable-warning=SecurityWarning'
  ]
}
