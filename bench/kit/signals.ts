/** Imported for its effect: after Ctrl-C and SIGTERM, too, what `process.on('exit')` registers ends programs and removes folders. */
import { constants } from 'node:os'

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => process.exit(128 + constants.signals[signal]))
