type Task = () => void

/**
 * Work of one thread's batch sockets in one event loop iteration: first read every readable socket,
 * then flush everything queued meanwhile. So all late replies of an iteration leave in one system
 * call per socket, whichever sockets caused them.
 *
 * Runs as an immediate: right after the poll phase in which descriptors became readable and, unlike
 * koffi's callback, with `process.nextTick` and promises of the handlers run afterwards.
 */
export class Tick {
  private reads: Task[] = []
  private flushes: Task[] = []
  private scheduled = false

  /** Schedules a read. The caller makes sure that a socket is not scheduled twice. */
  read(task: Task): void {
    this.reads.push(task)
    this.schedule()
  }

  /** Schedules a flush at the end of the current run, or of the next one if none is in progress. */
  flush(task: Task): void {
    this.flushes.push(task)
    this.schedule()
  }

  private schedule(): void {
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(this.run)
  }

  private readonly run = (): void => {
    const reads = this.reads
    this.reads = []
    // Reads scheduled from here on run in the next iteration; flushes still join this one.
    for (const read of reads) read()
    const flushes = this.flushes
    this.flushes = []
    for (const flush of flushes) flush()
    this.scheduled = false
    if (this.reads.length > 0 || this.flushes.length > 0) this.schedule()
  }
}
