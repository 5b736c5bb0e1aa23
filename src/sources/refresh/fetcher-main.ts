/** A fetcher thread: downloads lists that have changed, posts a result for each, and exits. */
import { parentPort, workerData } from 'node:worker_threads'
import { BootstrapResolver } from '../http/bootstrap-resolver.js'
import { ListCopies } from '../http/list-copies.js'
import { updateList } from '../http/update-list.js'
import type { FetcherInit } from './refresh-messages.js'
import { endOnRequest } from '../../base/threads/end-thread.js'

endOnRequest()
// It exits when everything is fetched.
parentPort!.unref()
void fetchAll(workerData as FetcherInit)

async function fetchAll(init: FetcherInit): Promise<void> {
  const { lists, prefixesByNetwork: clients, caFile, proxy, headerFiles, timeout } = init
  const bootstrap = BootstrapResolver.open(init.bootstrap)
  const { lookup } = bootstrap
  const copies = new ListCopies(init.copiesFolder)
  const parts = { lookup, caFile, proxy, headerFiles, timeout, clients, copies, now: Date.now }
  // One at a time, since parsing a list may take much memory.
  for (const list of lists) parentPort!.postMessage(await updateList(list, parts))
  bootstrap.close()
}
