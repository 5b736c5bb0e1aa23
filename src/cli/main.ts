#!/usr/bin/env node
import { createInterface, type Interface } from 'node:readline'
import { failure } from '../base/errors/error.js'
import { reasonOf } from '../base/errors/reason.js'
import { reportError } from './exit.js'
import type { Io } from './io.js'
import { processIo } from './process-io.js'
import { run } from './run.js'
import { otherRuntime } from './runtime.js'

/** As for commands that SIGINT and SIGPIPE have ended. */
const [CANCELLED, BROKEN_PIPE] = [130, 141]

// Before any command is loaded.
const runtime = otherRuntime(process.versions)
if (runtime !== undefined) process.exit(reportError(failure('CLI_RUNTIME', runtime), process))

let terminal: Interface | undefined
let lines: AsyncIterator<string>
let isClosed = false

/** Lines that were typed ahead answer the next questions; Ctrl-C and Ctrl-D end the command. */
async function ask(question: string): Promise<string> {
  if (terminal === undefined) {
    terminal = createInterface({ input: process.stdin, output: process.stdout })
    terminal.once('close', () => (isClosed = true))
    lines = terminal[Symbol.asyncIterator]()
  }
  if (!isClosed) {
    terminal.setPrompt(question)
    terminal.prompt()
  }
  const line = await lines.next()
  if (line.done !== true) return line.value
  process.stderr.write('\ncancelled\n')
  return process.exit(CANCELLED)
}

const io: Io = {
  ...processIo,
  ask: process.stdin.isTTY && process.stdout.isTTY ? ask : undefined
}

/** Ends the process: the result is not complete. A reader may stop early: interdict check | head */
function onOutputError(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') return process.exit(BROKEN_PIPE)
  return process.exit(
    reportError(failure('CLI_OUTPUT', 'standard output', reasonOf(error)), process)
  )
}

process.stdout.on('error', onOutputError)
// The reader of the service log may go away while the server runs.
process.stderr.on('error', () => undefined)

const code = await run(process.argv.slice(2), io)
// A pipe holds 64 KiB; process.exit would drop what its reader has not taken yet.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>(resolve => stream.write('', () => resolve()))
}
process.exit(code)
