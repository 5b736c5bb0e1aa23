/**
 * Loaded before the archive process, which then keeps its priority. On a busy machine, a process at the lowest priority or of the
 * policy SCHED_IDLE waits for minutes.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'

const require = createRequire(import.meta.url)
const os = require('node:os') as { setPriority: () => void }
os.setPriority = () => undefined
syncBuiltinESMExports()
// There is no chrt to run.
process.env.PATH = ''
