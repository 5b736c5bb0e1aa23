/** Runs jobs in the order in which they come: a limited number at the same time, while others wait. */
export class BoundedQueue<Job> {
  private readonly waiting: Job[] = []
  private running = 0

  /** @param run does not reject */
  constructor(
    private readonly limits: { readonly maxRunning: number; readonly maxWaiting: number },
    private readonly run: (job: Job) => Promise<void>
  ) {}

  /** False if too many wait: the job will not run. */
  offer(job: Job): boolean {
    if (this.waiting.length >= this.limits.maxWaiting) return false
    this.waiting.push(job)
    this.startNext()
    return true
  }

  private startNext(): void {
    if (this.running >= this.limits.maxRunning) return
    const job = this.waiting.shift()
    if (job === undefined) return
    this.running++
    void this.run(job).finally(() => {
      this.running--
      this.startNext()
    })
  }
}
