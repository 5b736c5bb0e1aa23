import type { Poll, System } from '../../../base/system/linux.js'
import * as linux from '../../../base/system/linux.js'

/** struct epoll_event on x86-64 is packed: events and data without padding between them. */
const EVENT_WORDS = process.arch === 'x64' ? 3 : 4
const DATA_WORD = EVENT_WORDS === 3 ? 1 : 2
/** Sockets reported at once; the others follow in the next event loop iteration. */
const EVENTS = 256

type Readable = (failed: boolean) => void

/**
 * Polls the many short-lived sockets for upstreams through one epoll descriptor, which Node's event loop polls: a
 * poll of its own for each would take 4 µs for every socket that is opened, and a callback for each that is readable.
 */
export class EpollSet {
  private readonly epoll: number
  private readonly events: Uint32Array
  private readonly eventsAddress: number
  private readonly event = Buffer.alloc(4 * EVENT_WORDS)
  /** By descriptor. */
  private readonly sockets = new Map<number, Readable>()
  private readonly poll: Poll

  constructor(private readonly system: System) {
    const events = system.map(4 * EVENT_WORDS * EVENTS)
    this.events = new Uint32Array(events.buffer)
    this.eventsAddress = events.address
    this.epoll = system.epollCreate(linux.EPOLL_CLOEXEC)
    system.record(this.epoll)
    this.event.writeUInt32LE(linux.EPOLLIN, 0)
    this.poll = system.poll(this.epoll, this.collect)
    this.poll.stop()
  }

  /** As `System.poll`. The descriptor must be closed right after its poll, which removes it from the set: epoll(7). */
  watch(fd: number, readable: Readable): Poll {
    this.add(fd, readable)
    return {
      start: () => this.add(fd, readable),
      stop: () => this.remove(fd),
      close: () => this.forget(fd)
    }
  }

  private add(fd: number, readable: Readable): void {
    // Otherwise the event loop would never end.
    if (this.sockets.size === 0) this.poll.start()
    this.sockets.set(fd, readable)
    this.event.writeUInt32LE(fd, 4 * DATA_WORD)
    this.system.epollControl(this.epoll, linux.EPOLL_CTL_ADD, fd, this.event)
  }

  private remove(fd: number): void {
    this.system.epollControl(this.epoll, linux.EPOLL_CTL_DEL, fd, this.event)
    this.forget(fd)
  }

  private forget(fd: number): void {
    this.sockets.delete(fd)
    if (this.sockets.size === 0) this.poll.stop()
  }

  private readonly collect = (): void => {
    const { events } = this
    const count = this.system.epollWait(this.epoll, this.eventsAddress, EVENTS, 0)
    for (let at = 0; at < count * EVENT_WORDS; at += EVENT_WORDS) {
      this.sockets.get(events[at + DATA_WORD]!)?.((events[at]! & linux.EPOLLERR) !== 0)
    }
  }
}
