import { chmodSync } from 'node:fs'
import { failure } from '../../../base/errors/error.js'
import { reasonOf } from '../../../base/errors/reason.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { systemClock } from '../../../base/time/clock.js'
import { DenyTable } from '../../../gateway/egress/deny-table.js'
import { HelperServer } from '../../../gateway/egress/helper-server.js'
import { NftProcesses } from '../../../gateway/egress/nft-process.js'
import { EXIT } from '../../exit.js'
import type { Io } from '../../io.js'

export interface EgressOptions {
  readonly socket: string
  readonly nft: string
}

/** The gateway is in the group of the socket. */
const SOCKET_MODE = 0o660

/**
 * `interdict egress`: writes the table of denied addresses for the gateway, until SIGTERM or SIGINT. The table stays as it is
 * when the helper ends, so that a restart opens nothing.
 */
export async function egress({ socket, nft }: EgressOptions, io: Io): Promise<number> {
  const log = (level: 'info' | 'warn', message: string): void => {
    const stream = level === 'info' ? io.stdout : io.stderr
    stream.write(`${escapeControls(message)}\n`)
  }
  const processes = new NftProcesses(nft)
  const table = new DenyTable(processes.run, systemClock)
  const server = new HelperServer(table, log)
  try {
    // Fails at once without nft or without the right to change the rules.
    await processes.run([{ list: { tables: { family: 'inet' } } }])
  } catch (error) {
    throw failure('EGRESS_NFT', nft, reasonOf(error))
  }
  try {
    await server.listen(socket)
    chmodSync(socket, SOCKET_MODE)
  } catch (error) {
    throw failure('EGRESS_SOCKET', socket, reasonOf(error))
  }
  processes.watch(what => {
    if (!table.isKnown) return
    log('warn', `table inet interdict_egress changed by another program: ${what}; restoring it`)
    table.restore().then(
      () => server.send({ restored: what.slice(0, MAX_TEXT) }),
      (error: unknown) => log('warn', `table not restored: ${reasonOf(error)}`)
    )
  })
  log('info', `egress helper on ${socket}`)
  await new Promise<void>(resolve => {
    io.onSignal(signal => {
      if (signal !== 'SIGHUP') resolve()
    })
  })
  processes.close()
  server.close()
  return EXIT.success
}

const MAX_TEXT = 2_000
