/** A fetcher thread: looks for newer states of some lists, tells what came of each, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { Bootstrap } from '../../sources/http/bootstrap.js'
import { Copies } from '../../sources/http/copies.js'
import { update } from '../../sources/http/update.js'
import type { FetcherInit } from './messages.js'

void fetchAll(workerData as FetcherInit)

async function fetchAll(start: FetcherInit): Promise<void> {
  const { lists, prefixesByNetwork: clients, copies: folder, servers, caFile, timeout } = start
  const bootstrap = await Bootstrap.open(servers)
  const { lookup } = bootstrap
  const parts = { lookup, caFile, timeout, clients, copies: new Copies(folder), now: Date.now }
  // One after the other: a list may take much memory while it is read.
  for (const list of lists) parentPort!.postMessage(await update(list, parts))
  bootstrap.close()
}
