/** A fetcher thread: looks for newer states of some lists, tells what came of each, and ends. */
import { parentPort, workerData } from 'node:worker_threads'
import { BootstrapResolver } from '../../sources/http/bootstrap-resolver.js'
import { ListCopies } from '../../sources/http/list-copies.js'
import { updateList } from '../../sources/http/update-list.js'
import type { FetcherInit } from './messages.js'

void fetchAll(workerData as FetcherInit)

async function fetchAll(start: FetcherInit): Promise<void> {
  const { lists, prefixesByNetwork: clients, copies: folder, servers, caFile, timeout } = start
  const bootstrap = await BootstrapResolver.open(servers)
  const { lookup } = bootstrap
  const parts = { lookup, caFile, timeout, clients, copies: new ListCopies(folder), now: Date.now }
  // One after the other: a list may take much memory while it is read.
  for (const list of lists) parentPort!.postMessage(await updateList(list, parts))
  bootstrap.close()
}
