import type { EndSignal, Io } from './io.js'

const SIGNALS: readonly EndSignal[] = ['SIGHUP', 'SIGINT', 'SIGTERM']

/** This process, which asks nobody. */
export const processIo: Io = {
  stdout: {
    isTTY: process.stdout.isTTY,
    get columns() {
      return process.stdout.columns
    },
    write: text => process.stdout.write(text),
    writeBlock: block => new Promise(done => process.stdout.write(block, () => done())),
    once: (event, listener) => process.stdout.once(event, listener)
  },
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
