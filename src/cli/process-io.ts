import type { EndSignal, Io } from './io.js'

const SIGNALS: readonly EndSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM']

/** This process, which asks nobody. */
export const processIo: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onSignal: listener => {
    for (const signal of SIGNALS) process.on(signal, listener)
    return () => {
      for (const signal of SIGNALS) process.removeListener(signal, listener)
    }
  },
  exit: code => process.exit(code)
}
