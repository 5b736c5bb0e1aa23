import type { Clock } from '../../base/time/clock.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import type { BindingStore } from '../../policy/bindings/binding-store.js'
import type { BindingFeed } from '../../sources/settings/bindings-config.js'
import { FeedReporter, type OpenFeed } from './feed-reporter.js'
import { FileFeed } from './file-feed.js'
import { HttpFeed } from './http-feed.js'
import { JsonSocketFeed } from './json-socket-feed.js'
import { RadiusFeed } from './radius-feed.js'
import { KeaSocketFeed } from './kea-socket-feed.js'

/** Opens nothing before it is started. */
export function openFeed(
  feed: BindingFeed,
  store: BindingStore,
  clock: Clock,
  log: ServiceLog
): OpenFeed {
  const reporter = new FeedReporter(feed, store, clock, log)
  const { type, file, socket, http } = feed
  if (type === 'radius') return new RadiusFeed(reporter)
  if (http) return new HttpFeed(reporter)
  if (file !== undefined) return new FileFeed(reporter, file)
  return type === 'kea'
    ? new KeaSocketFeed(reporter, socket!)
    : new JsonSocketFeed(reporter, socket!)
}
