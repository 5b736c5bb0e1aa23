import { Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** Descriptor of the connection of a command process to its gateway. */
const LINK = 3
/** Descriptor that an export writes to. */
export const OUTPUT = 4

/** The end of a command process of its connection to the gateway. */
export interface GatewayLink {
  /** Reports the progress. @param done from 0 to 1 */
  report(done: number): void
}

/**
 * Opens the connection. When the gateway closes it, or ends in whatever way, this process ends at once: nobody waits for
 * its result. DuckDB cannot be interrupted within a step, so that it is killed.
 */
export function openGatewayLink(): GatewayLink {
  const socket = new Socket({ fd: LINK, readable: true, writable: true })
  socket.on('error', () => undefined)
  socket.on('close', () => process.kill(process.pid, 'SIGKILL'))
  socket.resume()
  return { report: done => void socket.write(`${done}\n`) }
}

/** Writes blocks of an export, which may be used again when it resolves. */
export function openOutput(): (block: Uint8Array) => Promise<void> {
  const socket = new Socket({ fd: OUTPUT, readable: false, writable: true })
  // The gateway stops reading when nobody wants the export any more; then this process is killed.
  socket.on('error', () => undefined)
  return block => new Promise(done => socket.write(block, () => done()))
}

/** Passes on the progress that a process reports, at the end of the gateway. */
export function readProgress(link: Socket, onProgress: (done: number) => void): void {
  link.on('error', () => undefined)
  createInterface(link).on('line', line => {
    const done = Number(line || NaN)
    if (done >= 0 && done <= 1) onProgress(done)
  })
}
