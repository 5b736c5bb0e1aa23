import type { FeedReporter, OpenFeed } from './feed-reporter.js'

/** A feed that comes from a file or socket at a path. */
export abstract class PathFeed implements OpenFeed {
  constructor(
    protected readonly reporter: FeedReporter,
    protected readonly path: string
  ) {}

  get name(): string {
    return this.reporter.feed.name
  }

  get error(): string | undefined {
    return this.reporter.error
  }

  abstract start(): void
  abstract poll(): void
  abstract close(): void
}
