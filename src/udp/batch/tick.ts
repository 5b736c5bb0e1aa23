/** Something to be done in the next turn. */
type Task = () => void

/**
 * What the batch sockets of one thread have to do in one turn of the event loop: first read all
 * that became readable, then flush all that was queued meanwhile. So the late replies that a whole
 * turn gives rise to leave in one system call per socket, whichever sockets gave rise to them.
 *
 * It runs as an immediate: right after the poll phase in which descriptors became readable, and,
 * unlike koffi's callback, with `process.nextTick` and promises of the handlers seen to afterwards.
 */
export class Tick {
  private reads: Task[] = []
  private flushes: Task[] = []
  private scheduled = false

  /** Reads in the next turn. The caller sees to it that a socket is not in it twice. */
  read(task: Task): void {
    this.reads.push(task)
    this.schedule()
  }

  /** Flushes at the end of this turn, or of the next, if none is under way. */
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
    // Reads asked for from here on are for another turn; flushes join this one.
    for (const read of reads) read()
    const flushes = this.flushes
    this.flushes = []
    for (const flush of flushes) flush()
    this.scheduled = false
    if (this.reads.length > 0 || this.flushes.length > 0) this.schedule()
  }
}
